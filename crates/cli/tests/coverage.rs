//! The pages are true where a program can tell: `docs/api-coverage.md` names tests that exist and leaves out nothing of
//! the two operations, and no link of any page leads nowhere.
#![expect(clippy::unwrap_used, reason = "a test stops where something is missing")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

const COVERAGE: &str = "docs/api-coverage.md";

/// What the service model has of a part of an operation, or of the errors that both operations share.
struct Shape {
    /// The headings that lead to the part of the page that has to say it.
    headings: &'static [&'static str],
    /// The column of the tables there that has to name the members.
    column: usize,
    members: &'static str,
    /// Named anywhere in that part.
    texts: &'static str,
}

const SHAPES: [Shape; 5] = [
    Shape {
        headings: &["## StartSessionsStatisticsAggregation", "### Parameters"],
        column: 0,
        members: "farmId resourceIds queueIds fleetIds startTime endTime timezone period groupBy statistics",
        texts: "HOURLY DAILY WEEKLY MONTHLY QUEUE_ID FLEET_ID JOB_ID USER_ID USAGE_TYPE INSTANCE_TYPE \
                LICENSE_PRODUCT SUM MIN MAX AVG",
    },
    Shape {
        headings: &["## StartSessionsStatisticsAggregation", "### Answer"],
        column: 0,
        members: "aggregationId",
        texts: "",
    },
    Shape {
        headings: &["## GetSessionsStatisticsAggregation", "### Parameters"],
        column: 0,
        members: "farmId aggregationId maxResults nextToken",
        texts: "",
    },
    Shape {
        headings: &["## GetSessionsStatisticsAggregation", "### Answer"],
        column: 0,
        members: "statistics queueId fleetId jobId jobName userId usageType licenseProduct instanceType count \
                  costInUsd runtimeInSeconds min max avg sum aggregationStartTime aggregationEndTime status \
                  statusMessage nextToken",
        texts: "COMPUTE LICENSE PERSISTENT_VOLUME IN_PROGRESS TIMEOUT FAILED COMPLETED",
    },
    Shape {
        headings: &["## Errors"],
        column: 3,
        members: "message context retryAfterSeconds resourceId resourceType serviceCode quotaCode reason fieldList \
                  name",
        texts: "AccessDeniedException InternalServerErrorException ResourceNotFoundException \
                ThrottlingException ValidationException UNKNOWN_OPERATION CANNOT_PARSE FIELD_VALIDATION_FAILED \
                OTHER",
    },
];

#[test]
fn every_test_that_the_coverage_page_names_exists() {
    let page = read(COVERAGE);
    let places = places(&page);
    let missing: Vec<&str> = named_tests(&page).filter(|test| !test_exists(&places, test)).collect();
    assert!(missing.is_empty(), "{COVERAGE} names tests that do not exist: {missing:#?}");
}

#[test]
fn every_row_of_the_coverage_page_names_a_test() {
    let page = read(COVERAGE);
    let rows = page.split("\n\n").filter(|block| has_shown_by(block)).flat_map(|table| table.lines().skip(2));
    let without: Vec<&str> =
        rows.filter(|row| cells(row).last().is_none_or(|cell| named_tests(cell).next().is_none())).collect();
    assert!(without.is_empty(), "{COVERAGE} has rows without a test: {without:#?}");
}

#[test]
fn the_coverage_page_leaves_out_no_member_of_the_two_operations() {
    let page = read(COVERAGE);
    for Shape { headings, column, members, texts } in SHAPES {
        let part = headings.iter().fold(page.as_str(), |part, heading| below(part, heading));
        let rows = part.lines().filter(|line| line.starts_with('|'));
        let named = rows.filter_map(|row| cells(row).nth(column)).flat_map(code_spans).flat_map(words);
        assert_eq!(left_out(members, &named.collect()), [""; 0], "members, below {headings:?}");
        assert_eq!(left_out(texts, &words(part).collect()), [""; 0], "texts, below {headings:?}");
    }
}

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let pages = pages(&repository());
    assert!(pages.len() > 10, "only {} pages were found", pages.len());
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let broken: Vec<&str> = links(&text).filter(|link| !leads_somewhere(&page, link)).collect();
        assert!(broken.is_empty(), "{} has broken links: {broken:#?}", page.display());
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// From a heading to the next of its level.
fn below<'text>(text: &'text str, heading: &str) -> &'text str {
    let (_, rest) = text.split_once(&format!("\n{heading}\n")).unwrap();
    let level = heading.split(' ').next().unwrap();
    rest.split(&format!("\n{level} ")).next().unwrap()
}

fn left_out<'names>(names: &'names str, said: &BTreeSet<&str>) -> Vec<&'names str> {
    names.split_whitespace().filter(|name| !said.contains(name)).collect()
}

fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
}

/// Everything that is written as `place::name`.
fn named_tests(text: &str) -> impl Iterator<Item = &str> {
    code_spans(text).filter(|span| span.contains("::"))
}

fn has_shown_by(block: &str) -> bool {
    block.lines().next().is_some_and(|header| header.ends_with("| Shown by |"))
}

fn cells(row: &str) -> impl Iterator<Item = &str> {
    row.trim_start_matches("| ").trim_end_matches(" |").split(" | ")
}

/// The page's own table of where its tests are: what is written before the `::`, and the file. A `*` stands for the
/// same word in both.
fn places(page: &str) -> Vec<(&str, &str)> {
    let (_, table) = page.split_once("| Written here | File |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut spans = code_spans(row);
        (spans.next().unwrap(), spans.next().unwrap())
    })
    .collect()
}

fn test_exists(places: &[(&str, &str)], test: &str) -> bool {
    let (place, name) = test.split_once("::").unwrap();
    let file = places.iter().find_map(|(written, file)| file_of(place, written, file));
    let source = file.and_then(|file| fs::read_to_string(repository().join(file)).ok());
    source.is_some_and(|source| source.lines().any(|line| declares(line, name)))
}

fn file_of(place: &str, written: &str, file: &str) -> Option<String> {
    match written.strip_suffix('*') {
        Some(folder) => place.strip_prefix(folder).map(|word| file.replace('*', word)),
        None => (place == written).then(|| file.to_owned()),
    }
}

/// Whether a line of Rust, Python or JavaScript begins a test of this name.
fn declares(line: &str, name: &str) -> bool {
    let beginnings = [
        format!("fn {name}("),
        format!("async fn {name}("),
        format!("def {name}("),
        format!("test(\"{name}\","),
    ];
    beginnings.iter().any(|beginning| line.trim_start().starts_with(beginning))
}

/// All Markdown of the repository; what others wrote and what was built is not in it.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        let is_ours = name != "target" && name != "node_modules" && !name.to_string_lossy().starts_with('.');
        if entry.file_type().unwrap().is_dir() && is_ours {
            pages.extend(self::pages(&path));
        } else if path.extension() == Some(OsStr::new("md")) {
            pages.push(path);
        }
    }
    pages
}

/// The targets of `[text](target)` that are not of the web.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

fn leads_somewhere(page: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { page.to_owned() } else { page.with_file_name(file) };
    match anchor {
        None => target.exists(),
        Some(anchor) => {
            fs::read_to_string(target).is_ok_and(|text| anchors(&text).any(|found| found == anchor))
        }
    }
}

/// The anchors that headings get where the pages are shown.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|heading| {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept =
            title.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
        kept.map(|character| if character == ' ' { '-' } else { character }).collect()
    })
}
