//! The members of the interchange form: JSON members, CSV columns and Parquet columns alike.

/// A member of a session, a volume or a usage line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    SessionId,
    VolumeId,
    QueueId,
    QueueName,
    FleetId,
    FleetName,
    JobId,
    JobName,
    UserId,
    UserName,
    WorkerId,
    InstanceType,
    Outcome,
    StartedAt,
    EndedAt,
    Revision,
    UsageType,
    LicenseProduct,
    Quantity,
    CostInUsd,
}

/// What a column holds, which decides the types that a Parquet file may give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Text,
    Instant,
    Integer,
    Money,
}

impl Column {
    pub(crate) const COUNT: usize = 20;

    /// Every column with its name, in the order of declaration.
    const ALL: [(Self, &'static str); Self::COUNT] = [
        (Self::SessionId, "sessionId"),
        (Self::VolumeId, "volumeId"),
        (Self::QueueId, "queueId"),
        (Self::QueueName, "queueName"),
        (Self::FleetId, "fleetId"),
        (Self::FleetName, "fleetName"),
        (Self::JobId, "jobId"),
        (Self::JobName, "jobName"),
        (Self::UserId, "userId"),
        (Self::UserName, "userName"),
        (Self::WorkerId, "workerId"),
        (Self::InstanceType, "instanceType"),
        (Self::Outcome, "outcome"),
        (Self::StartedAt, "startedAt"),
        (Self::EndedAt, "endedAt"),
        (Self::Revision, "revision"),
        (Self::UsageType, "usageType"),
        (Self::LicenseProduct, "licenseProduct"),
        (Self::Quantity, "quantity"),
        (Self::CostInUsd, "costInUsd"),
    ];

    /// What a session has besides its usage lines.
    pub(crate) const SESSION: [Self; 15] = [
        Self::SessionId,
        Self::QueueId,
        Self::QueueName,
        Self::FleetId,
        Self::FleetName,
        Self::JobId,
        Self::JobName,
        Self::UserId,
        Self::UserName,
        Self::WorkerId,
        Self::InstanceType,
        Self::Outcome,
        Self::StartedAt,
        Self::EndedAt,
        Self::Revision,
    ];

    /// What a usage line has.
    pub(crate) const USAGE: [Self; 4] =
        [Self::UsageType, Self::LicenseProduct, Self::Quantity, Self::CostInUsd];

    /// What a volume has.
    pub(crate) const VOLUME: [Self; 7] = [
        Self::VolumeId,
        Self::FleetId,
        Self::FleetName,
        Self::StartedAt,
        Self::EndedAt,
        Self::Revision,
        Self::CostInUsd,
    ];

    /// The name in every form.
    pub(crate) const fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The column at this place of the declaration.
    pub(crate) const fn at(index: usize) -> Self {
        Self::ALL[index].0
    }

    /// The column with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(column, _)| *column)
    }

    /// The names of these columns.
    pub(crate) fn names(columns: &[Self]) -> Vec<&'static str> {
        columns.iter().map(|column| column.name()).collect()
    }

    /// The names of all columns.
    pub(crate) fn all_names() -> Vec<&'static str> {
        Self::ALL.iter().map(|(_, name)| *name).collect()
    }

    pub(crate) const fn kind(self) -> ColumnKind {
        match self {
            Self::StartedAt | Self::EndedAt => ColumnKind::Instant,
            Self::Revision | Self::Quantity => ColumnKind::Integer,
            Self::CostInUsd => ColumnKind::Money,
            _ => ColumnKind::Text,
        }
    }

    /// The least whole number that the column may hold.
    pub(crate) const fn integer_least(self) -> u32 {
        match self {
            Self::Quantity => 1,
            _ => 0,
        }
    }
}

/// The columns that a flat file lacks and cannot do without, or `None` if it has them all.
pub(crate) fn missing_columns(present: impl Fn(Column) -> bool) -> Option<String> {
    let needs: &[&[Column]] = if present(Column::SessionId) || !present(Column::VolumeId) {
        &[
            &[Column::SessionId, Column::VolumeId],
            &[Column::QueueId, Column::QueueName],
            &[Column::FleetId, Column::FleetName],
            &[Column::JobName],
            &[Column::UserId],
            &[Column::StartedAt],
        ]
    } else {
        &[&[Column::FleetId, Column::FleetName], &[Column::StartedAt]]
    };
    let missing = needs.iter().filter(|choices| !choices.iter().any(|column| present(*column)));
    let missing: Vec<String> = missing.map(|choices| Column::names(choices).join(" or ")).collect();
    (!missing.is_empty()).then(|| format!("required columns are missing: {}", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_its_name() {
        for (index, (column, name)) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column as usize, index);
            assert_eq!(Column::named(name), Some(column));
        }
    }

    #[test]
    fn missing_columns_are_listed_at_once() {
        let missing = missing_columns(|column| matches!(column, Column::SessionId | Column::QueueName));
        assert_eq!(
            missing.unwrap(),
            "required columns are missing: fleetId or fleetName, jobName, userId, startedAt"
        );
        let volumes = [Column::VolumeId, Column::FleetId, Column::StartedAt];
        assert_eq!(missing_columns(|column| volumes.contains(&column)), None);
        assert!(missing_columns(|_| false).unwrap().contains("sessionId or volumeId"));
    }
}
