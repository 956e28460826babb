//! Summaries over blocks that follow each other in time, so that a question whose bucket holds many whole blocks reads one
//! cube for all of them, and groups of such groups.
//!
//! Groups are memory only. They are made when a question first has use for them, shared by the snapshots that follow as long as
//! their blocks stay the same ones, and so are their cubes, each of which is merged when it is first asked for.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use crate::block::{BlockCodes, SessionBlock, union};
use crate::cubes::{self, AXIS_CUBES, Axis, CLASSES, Class, CodeCounts, Cube, CubeKind};
use crate::image::ImageError;
use crate::remembered::{Asker, Recalled};
use crate::rollups::{self, Rollup, RollupOf, Rollups};
use crate::summary::{Summary, SummaryWords};
use crate::view::BlockView;

/// Members of a group.
pub const GROUP_LEN: usize = 8;

/// A cube of a group has at most one of so many summaries of its members. Together with the cubes of groups above it takes at most
/// a third of what the blocks' own cubes take, that is two bytes for each session.
const CUBE_SHARE: usize = 4;

/// What a group is made of.
#[derive(Debug, Clone)]
pub enum GroupMember {
    /// A block from which no row was removed. A group does not keep it: what holds the snapshot does.
    Block(Weak<SessionBlock>),
    /// A group of the level below.
    Group(Arc<BlockGroup>),
}

impl GroupMember {
    /// Where the member lies, which tells it apart from all others.
    fn address(&self) -> usize {
        match self {
            Self::Block(block) => block.as_ptr().addr(),
            Self::Group(group) => Arc::as_ptr(group).addr(),
        }
    }

    /// Earliest and latest start, in milliseconds since 1970.
    fn starts_ms(&self) -> Option<(i64, i64)> {
        match self {
            Self::Block(block) => Some(block.upgrade()?.starts_ms()),
            Self::Group(group) => group.starts_ms,
        }
    }

    /// Earliest start and latest end, in milliseconds since 1970. They are known without looking into a block.
    pub fn span_ms(&self) -> Option<(i64, i64)> {
        match self {
            Self::Block(block) => Some(block.upgrade()?.span_ms()),
            Self::Group(group) => group.span_ms,
        }
    }

    /// Number of rows.
    fn rows(&self) -> usize {
        match self {
            Self::Block(block) => block.upgrade().map_or(0, |block| block.len()),
            Self::Group(group) => group.rows,
        }
    }

    /// What is remembered for a question, which reads a share of all rows for want of it: one if it asks for every queue.
    pub fn rollup(&self, of: RollupOf<'_>, asker: (Asker, f64)) -> Recalled<Rollup> {
        self.with_rollups(|rollups, rows| rollups.recall(of, asker, rows)).unwrap_or(Recalled::Useless)
    }

    /// Remembers a rollup if it is worth it, or that it is not.
    pub fn keep_rollup(&self, of: RollupOf<'_>, made: Option<Rollup>) -> Option<Arc<Rollup>> {
        self.with_rollups(|rollups, rows| rollups.keep(of, made, rows)).flatten()
    }

    /// Says that a rollup was not made by who was to make it, so that the next one does, or one after as much was read again.
    pub fn put_back_rollup(&self, of: RollupOf<'_>, is_next: bool) {
        self.with_rollups(|rollups, _| rollups.put_back(of, is_next));
    }

    /// Number of sums from which on a rollup has no room here.
    pub fn rollup_sums_max(&self) -> usize {
        self.with_rollups(|_, rows| rollups::sums_max(rows)).unwrap_or(0)
    }

    /// The rollups, and the number of rows that they stand for. `None` if the block is gone.
    fn with_rollups<T>(&self, then: impl FnOnce(&Rollups, usize) -> T) -> Option<T> {
        match self {
            Self::Block(block) => block.upgrade().map(|block| then(&block.rollups, block.len())),
            Self::Group(group) => Some(then(&group.rollups, group.rows)),
        }
    }

    /// Forgets all rollups, those of members too.
    pub(crate) fn forget_rollups(&self) {
        self.with_rollups(|rollups, _| rollups.clear());
        if let Self::Group(group) = self {
            group.members.iter().for_each(Self::forget_rollups);
        }
    }

    /// All blocks, in their order, from which no row was removed.
    pub fn views(&self) -> Vec<BlockView> {
        match self {
            Self::Block(block) => block.upgrade().map(BlockView::whole).into_iter().collect(),
            Self::Group(group) => group.members.iter().flat_map(Self::views).collect(),
        }
    }

    /// The class's span and what is needed of the dictionaries.
    fn outline(&self) -> Outline {
        match self {
            Self::Block(block) => block.upgrade().map_or_else(Outline::default, |block| Outline::of(&block)),
            Self::Group(group) => group.outline().clone(),
        }
    }
}

/// Some members that follow each other in the order of their starts.
#[derive(Debug)]
pub struct BlockGroup {
    members: Vec<GroupMember>,
    starts_ms: Option<(i64, i64)>,
    span_ms: Option<(i64, i64)>,
    rows: usize,
    rollups: Rollups,
    outline: OnceLock<Outline>,
    cubes: [[OnceLock<Option<Vec<SummaryWords>>>; AXIS_CUBES]; CLASSES],
}

/// What is known of all members together.
#[derive(Debug, Clone, Default)]
struct Outline {
    queues: Vec<u32>,
    fleets: Vec<u32>,
    instance_types: Vec<u32>,
    products: Vec<u32>,
    spans_ms: [Option<(i64, i64)>; CLASSES],
}

impl Outline {
    fn of(block: &SessionBlock) -> Self {
        let codes = block.codes();
        Self {
            queues: codes.queues.to_vec(),
            fleets: codes.fleets.to_vec(),
            instance_types: codes.instance_types.to_vec(),
            products: codes.products.to_vec(),
            spans_ms: Class::ALL.map(|class| block.class_span_ms(class)),
        }
    }

    fn codes(&self) -> BlockCodes<'_> {
        BlockCodes {
            queues: &self.queues,
            fleets: &self.fleets,
            jobs: &[],
            users: &[],
            instance_types: &self.instance_types,
            products: &self.products,
            workers: &[],
        }
    }

    fn add(&mut self, other: Self) {
        add_codes(&mut self.queues, other.queues);
        add_codes(&mut self.fleets, other.fleets);
        add_codes(&mut self.instance_types, other.instance_types);
        add_codes(&mut self.products, other.products);
        for (own, span_ms) in self.spans_ms.iter_mut().zip(other.spans_ms) {
            *own = union(*own, span_ms);
        }
    }
}

/// Adds codes to others, which ascend as they do.
fn add_codes(codes: &mut Vec<u32>, others: Vec<u32>) {
    // Blocks of one time mostly have the same ones.
    if *codes != others {
        codes.extend(others);
        codes.sort_unstable();
        codes.dedup();
    }
}

impl BlockGroup {
    fn new(members: Vec<GroupMember>) -> Self {
        let starts_ms = members.iter().fold(None, |starts, member| union(starts, member.starts_ms()));
        let span_ms = members.iter().fold(None, |span_ms, member| union(span_ms, member.span_ms()));
        let rows = members.iter().map(GroupMember::rows).sum();
        Self {
            members,
            starts_ms,
            span_ms,
            rows,
            rollups: Rollups::default(),
            outline: OnceLock::new(),
            cubes: Default::default(),
        }
    }

    /// The members.
    pub fn members(&self) -> &[GroupMember] {
        &self.members
    }

    /// Earliest and latest start of all rows, in milliseconds since 1970. They are known without looking into a block.
    pub fn starts_ms(&self) -> Option<(i64, i64)> {
        self.starts_ms
    }

    /// The dictionaries: queues, fleets, instance types and products of all blocks. There are no jobs, users and workers.
    ///
    /// The outlines of all blocks have to be checked before, here and below.
    pub fn codes(&self) -> BlockCodes<'_> {
        self.outline().codes()
    }

    /// Earliest start and latest end of a class, in milliseconds since 1970; `None` if no block has such a session.
    pub fn class_span_ms(&self, class: Class) -> Option<(i64, i64)> {
        self.outline().spans_ms[class as usize]
    }

    fn outline(&self) -> &Outline {
        self.outline.get_or_init(|| {
            let mut all = Outline::default();
            for member in &self.members {
                all.add(member.outline());
            }
            all
        })
    }

    /// The summaries of one kind of a class; `None` when not every block keeps them, or they would be about as many as those of
    /// the members.
    ///
    /// The first time that they are asked for, every block is read: before each of them `go_on` is called, and the columns are
    /// checked, so that a damaged block is told though its rows are not looked at.
    pub fn cube_of<E: From<ImageError>>(
        &self,
        class: Class,
        axis: Axis,
        kind: CubeKind,
        go_on: &impl Fn() -> Result<(), E>,
    ) -> Result<Option<Cube<'_>>, E> {
        let kept = &self.cubes[class as usize][cubes::place(axis, kind)];
        let summaries = if let Some(summaries) = kept.get() {
            summaries
        } else {
            let merged = self.merged(class, axis, kind, go_on)?;
            kept.get_or_init(|| merged)
        };
        let details = CodeCounts::of(&self.codes()).of_detail(kind);
        Ok(summaries.as_deref().map(|summaries| Cube::new(summaries, details)))
    }

    fn merged<E: From<ImageError>>(
        &self,
        class: Class,
        axis: Axis,
        kind: CubeKind,
        go_on: &impl Fn() -> Result<(), E>,
    ) -> Result<Option<Vec<SummaryWords>>, E> {
        let len = |codes: &BlockCodes<'_>| CodeCounts::of(codes).of_cube(axis, kind);
        let mut members_len = 0;
        for member in &self.members {
            members_len += match member {
                GroupMember::Block(block) => {
                    let Some(block) = block.upgrade() else { return Ok(None) };
                    block.check_outline()?;
                    len(&block.codes())
                }
                GroupMember::Group(group) => len(&group.codes()),
            };
        }
        if len(&self.codes()) > members_len / CUBE_SHARE {
            return Ok(None);
        }
        let mut merged = Merged::new(self.codes(), axis, kind);
        for member in &self.members {
            let is_added = match member {
                GroupMember::Block(block) => {
                    let Some(block) = block.upgrade() else { return Ok(None) };
                    go_on()?;
                    block.check_outline()?;
                    block.check_columns()?;
                    let has_rows = block.class_span_ms(class).is_some();
                    !has_rows || merged.add(&block.codes(), block.cube_of(class, axis, kind))
                }
                GroupMember::Group(group) => {
                    let has_rows = group.class_span_ms(class).is_some();
                    !has_rows || merged.add(&group.codes(), group.cube_of(class, axis, kind, go_on)?)
                }
            };
            if !is_added {
                return Ok(None);
            }
        }
        Ok(merged.finish())
    }
}

/// A cube on its way.
struct Merged<'a> {
    codes: BlockCodes<'a>,
    axis: Axis,
    kind: CubeKind,
    details: usize,
    sums: Vec<Summary>,
    members_len: usize,
}

impl<'a> Merged<'a> {
    fn new(codes: BlockCodes<'a>, axis: Axis, kind: CubeKind) -> Self {
        let counts = CodeCounts::of(&codes);
        let sums = vec![Summary::EMPTY; counts.of_cube(axis, kind)];
        Self { codes, axis, kind, details: counts.of_detail(kind), sums, members_len: 0 }
    }

    /// Adds the cube of a member with sessions of the class; false when it has none though it could.
    fn add(&mut self, codes: &BlockCodes<'_>, cube: Option<Cube<'_>>) -> bool {
        let Some(cube) = cube else { return CodeCounts::of(codes).of_cube(self.axis, self.kind) == 0 };
        self.members_len += cube.len();
        let places = |codes: &[u32], all: &[u32]| {
            let place = |code| all.binary_search(code).unwrap_or(usize::MAX);
            codes.iter().map(place).collect::<Vec<usize>>()
        };
        let axis_places = match self.axis {
            Axis::Queue => places(codes.queues, self.codes.queues),
            Axis::Fleet => places(codes.fleets, self.codes.fleets),
        };
        let detail_places = match self.kind {
            CubeKind::Sessions | CubeKind::Compute | CubeKind::Licenses => vec![0],
            CubeKind::LinesByProduct => places(codes.products, self.codes.products),
            CubeKind::SessionsByType => places(codes.instance_types, self.codes.instance_types),
        };
        for (axis_code, axis_place) in axis_places.into_iter().enumerate() {
            let own = &mut self.sums[axis_place * self.details..][..self.details];
            for (summary, place) in cube.of(axis_code).zip(&detail_places) {
                own[*place].merge(&summary);
            }
        }
        true
    }

    /// The cube, if it is much smaller than those of the members.
    fn finish(self) -> Option<Vec<SummaryWords>> {
        let is_small = self.sums.len() <= self.members_len / CUBE_SHARE;
        is_small.then(|| self.sums.into_iter().map(Summary::to_words).collect())
    }
}

/// The groups of a snapshot.
#[derive(Debug, Clone, Default)]
pub(crate) struct BlockGroups {
    /// What no group holds: the highest groups, and blocks.
    roots: OnceLock<Arc<[GroupMember]>>,
    /// Those of the last snapshot that had any.
    before: Option<Arc<[GroupMember]>>,
}

impl BlockGroups {
    /// What becomes the groups of the snapshot that follows.
    pub(crate) fn following(&self) -> Self {
        Self { roots: OnceLock::new(), before: self.roots.get().or(self.before.as_ref()).cloned() }
    }

    pub(crate) fn roots(&self, views: &[BlockView]) -> &[GroupMember] {
        self.roots.get_or_init(|| {
            let mut known = HashMap::new();
            for member in self.before.iter().flat_map(|before| before.iter()) {
                add_known(member, &mut known);
            }
            roots(views, &known)
        })
    }
}

/// Groups by the address of their first member.
type Known<'a> = HashMap<usize, &'a Arc<BlockGroup>>;

fn add_known<'a>(member: &'a GroupMember, known: &mut Known<'a>) {
    if let GroupMember::Group(group) = member {
        if let Some(first) = group.members.first() {
            known.insert(first.address(), group);
        }
        group.members.iter().for_each(|member| add_known(member, known));
    }
}

fn roots(views: &[BlockView], known: &Known<'_>) -> Arc<[GroupMember]> {
    let mut whole: Vec<&BlockView> = views.iter().filter(|view| view.is_whole()).collect();
    // By the latest start: a block that still takes in sessions, a few late ones too, comes last, so that it changes but the last group.
    whole.sort_by_cached_key(|view| {
        let (first_ms, last_ms) = view.block().starts_ms();
        (last_ms, first_ms)
    });
    let mut members: Vec<GroupMember> =
        whole.into_iter().map(|view| GroupMember::Block(Arc::downgrade(&view.shared_block()))).collect();
    let mut roots = Vec::new();
    while !members.is_empty() {
        let (groups, loose) = grouped(members, known);
        roots.extend(loose);
        members = groups;
    }
    roots.into()
}

/// Puts members in groups, the known ones first, and returns those that are left over too.
fn grouped(members: Vec<GroupMember>, known: &Known<'_>) -> (Vec<GroupMember>, Vec<GroupMember>) {
    let (mut groups, mut loose, mut pending) = (Vec::new(), Vec::new(), Vec::new());
    let mut members = members.into_iter();
    while let Some(member) = members.as_slice().first() {
        let group = known.get(&member.address()).filter(|group| begins_with(members.as_slice(), group));
        if let Some(group) = group {
            groups.push(GroupMember::Group(Arc::clone(group)));
            loose.append(&mut pending);
            members.by_ref().take(group.members.len()).for_each(drop);
            continue;
        }
        pending.extend(members.next());
        if pending.len() == GROUP_LEN {
            groups.push(GroupMember::Group(Arc::new(BlockGroup::new(std::mem::take(&mut pending)))));
        }
    }
    loose.append(&mut pending);
    (groups, loose)
}

/// Whether these members begin with those of the group.
fn begins_with(members: &[GroupMember], group: &BlockGroup) -> bool {
    members.get(..group.members.len()).is_some_and(|members| {
        members.iter().zip(&group.members).all(|(member, own)| member.address() == own.address())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{LicenseLine, SessionRow};

    /// Rows of a block.
    const ROWS: u32 = 800;

    /// A row of which every eighth is long, and every third has a licence.
    fn row(index: u32) -> SessionRow {
        let start_ms = i64::from(index) * 60_000;
        SessionRow {
            start_ms,
            end_ms: start_ms + if index.is_multiple_of(8) { 20_000_000 } else { 1000 + i64::from(index % 7) },
            queue: index % 3 + index / 3000,
            fleet: index % 2,
            job: 0,
            user: 0,
            instance_type: index % 2,
            worker: 0,
            outcome: 0,
            compute_nanos: Some(u64::from(index % 11)),
            licenses: if index.is_multiple_of(3) {
                vec![LicenseLine { product: index % 2, cost_nanos: u64::from(index % 13) }]
            } else {
                Vec::new()
            },
        }
    }

    fn views(blocks: u32) -> Vec<BlockView> {
        let rows = |block| (block * ROWS..(block + 1) * ROWS).map(row).collect::<Vec<_>>();
        (0..blocks).map(|block| BlockView::new(SessionBlock::from_rows(&rows(block)))).collect()
    }

    fn group(member: &GroupMember) -> Option<&Arc<BlockGroup>> {
        match member {
            GroupMember::Group(group) => Some(group),
            GroupMember::Block(_) => None,
        }
    }

    fn groups(members: &[GroupMember]) -> Vec<&Arc<BlockGroup>> {
        members.iter().filter_map(group).collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "what a cube asks before each block may fail")]
    fn go_on() -> Result<(), ImageError> {
        Ok(())
    }

    #[test]
    fn a_group_has_the_summaries_of_one_block_with_all_rows() {
        let views = views(20);
        let made = BlockGroups::default();
        let groups = groups(made.roots(&views));
        assert_eq!(groups.len(), 2);
        for (group, blocks) in groups.into_iter().zip([0..8, 8..16]) {
            let whole = SessionBlock::from_rows(
                &(blocks.start * ROWS..blocks.end * ROWS).map(row).collect::<Vec<_>>(),
            );
            assert_eq!(group.codes().queues, whole.codes().queues);
            for class in Class::ALL {
                assert_eq!(group.class_span_ms(class), whole.class_span_ms(class));
                for (axis, kind) in
                    cubes::AXES.into_iter().flat_map(|axis| cubes::KINDS.map(|kind| (axis, kind)))
                {
                    let all = |cube: Option<Cube<'_>>, axis_codes: usize| {
                        let cube = cube.unwrap_or_else(|| panic!("{class:?} {axis:?} {kind:?}"));
                        (0..axis_codes).flat_map(|code| cube.of(code)).collect::<Vec<_>>()
                    };
                    let codes = CodeCounts::of(&whole.codes()).of_axis(axis);
                    let merged = group.cube_of(class, axis, kind, &go_on).unwrap();
                    assert_eq!(all(merged, codes), all(whole.cube_of(class, axis, kind), codes));
                }
            }
        }
    }

    #[test]
    fn groups_stay_while_their_blocks_are_the_same_and_go_when_a_row_is_removed() {
        let mut views = views(64 + 8 + 3);
        let first = BlockGroups::default();
        let addresses =
            |members: &[GroupMember]| members.iter().map(GroupMember::address).collect::<Vec<_>>();
        let roots = first.roots(&views);
        assert_eq!(groups(roots).len(), 2);
        // A snapshot that nobody asks, and one with a block that comes before all others.
        let second = first.following().following();
        let early = SessionRow { start_ms: -5, end_ms: -1, ..row(0) };
        views.push(BlockView::new(SessionBlock::from_rows(&[early])));
        let later: Vec<usize> = addresses(second.roots(&views));
        assert!(addresses(roots).iter().all(|root| later.contains(root)) && later.len() == roots.len() + 1);
        // Of 64 blocks the eight with the changed one are a group no longer, and the seven other groups stay.
        assert!(views[20].remove(&row(20 * ROWS)));
        let third = second.following();
        let left = groups(third.roots(&views));
        let of_64 =
            groups(roots).into_iter().find(|group| groups(group.members()).len() == GROUP_LEN).unwrap();
        let stayed = groups(of_64.members()).into_iter().filter(|old| {
            let all = left.iter().flat_map(|group| groups(group.members())).chain(left.iter().copied());
            all.into_iter().any(|new| Arc::ptr_eq(old, new))
        });
        assert_eq!(stayed.count(), GROUP_LEN - 1);
    }

    #[test]
    fn a_group_neither_keeps_its_blocks_nor_makes_summaries_without_them() {
        let views = views(8);
        let made = BlockGroups::default();
        let block = Arc::downgrade(&views[3].shared_block());
        let [GroupMember::Group(group)] = made.roots(&views) else { panic!("one group") };
        drop(views);
        assert!(block.upgrade().is_none());
        assert!(group.cube_of(Class::Short, Axis::Queue, CubeKind::Sessions, &go_on).unwrap().is_none());
    }

    #[test]
    fn a_cube_that_is_hardly_smaller_than_those_of_the_blocks_is_not_kept() {
        let of_block = |block: u32| {
            let rows = block * ROWS..(block + 1) * ROWS;
            let rows: Vec<_> = rows.map(|index| SessionRow { queue: block, ..row(index) }).collect();
            BlockView::new(SessionBlock::from_rows(&rows))
        };
        let views: Vec<_> = (0..8).map(of_block).collect();
        let made = BlockGroups::default();
        let [GroupMember::Group(group)] = made.roots(&views) else { panic!("one group") };
        let is_kept = |axis| group.cube_of(Class::Short, axis, CubeKind::Sessions, &go_on).unwrap().is_some();
        assert!(!is_kept(Axis::Queue) && is_kept(Axis::Fleet));
    }

    #[test]
    fn a_damaged_block_is_told_by_its_group_each_time() {
        let mut views = views(8);
        let mut image = views[5].block().image().to_vec();
        // Columns lie in the middle, and dictionaries and summaries at both ends.
        let middle = image.len() / 2;
        image[middle] ^= 0x10;
        let words: Vec<u64> =
            image.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        let damaged = SessionBlock::from_image(Arc::new(Mapped(words))).unwrap();
        damaged.check_outline().unwrap();
        let error = damaged.check_columns().unwrap_err();
        views[5] = BlockView::new(damaged);
        let made = BlockGroups::default();
        let [GroupMember::Group(group)] = made.roots(&views) else { panic!("one group") };
        for _ in 0..2 {
            let cube = group.cube_of(Class::Short, Axis::Queue, CubeKind::Sessions, &go_on);
            assert_eq!(cube.map(|cube| cube.is_some()), Err(error.clone()));
        }
    }

    struct Mapped(Vec<u64>);

    impl AsRef<[u8]> for Mapped {
        fn as_ref(&self) -> &[u8] {
            bytemuck::cast_slice(&self.0)
        }
    }
}
