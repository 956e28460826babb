//! A farm as people name it: by its name, or by its id.

use std::fmt;
use std::str::FromStr;

use farmtally_ingest::farm_id_for_name;
use farmtally_model::{DisplayName, FarmId, TextError, Timestamp};
use farmtally_service::{Catalogue, Farm, NewFarm};

use crate::report_error::Failure;
use crate::terminal_text::one_line;

/// Who the catalogue says made a farm.
pub(crate) const CREATED_BY: &str = "farmtally";

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FarmReference {
    /// An id.
    Id(FarmId),
    /// A name.
    Name(DisplayName),
}

impl FromStr for FarmReference {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        FarmId::parse(text).map_or_else(|_| DisplayName::new(text).map(Self::Name), |id| Ok(Self::Id(id)))
    }
}

impl fmt::Display for FarmReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(&one_line(name.as_str())),
        }
    }
}

impl FarmReference {
    /// The farm, if there is one; two of the same name are an error.
    pub(crate) fn find(&self, catalogue: &Catalogue) -> Result<Option<Farm>, Failure> {
        let name = match self {
            Self::Id(id) => return Ok(catalogue.farm(*id)?),
            Self::Name(name) => name,
        };
        let mut namesakes = catalogue.farm_named(name)?;
        if namesakes.len() > 1 {
            let ids: Vec<String> = namesakes.iter().map(|farm| format!("`{}`", farm.farm_id)).collect();
            return Err(Failure::failed(format!("{} farms are called `{self}`", ids.len()))
                .hint(format!("name one by its id: {}", ids.join(", "))));
        }
        Ok(namesakes.pop())
    }

    /// The farm, which must be there.
    pub(crate) fn existing(&self, catalogue: &Catalogue) -> Result<Farm, Failure> {
        self.find(catalogue)?.map_or_else(|| Err(self.unknown(catalogue)), Ok)
    }

    fn unknown(&self, catalogue: &Catalogue) -> Failure {
        let failure = Failure::failed(format!("there is no farm `{self}`"));
        match all_farms(catalogue) {
            Ok(farms) if farms.is_empty() => {
                failure.hint("the folder has no farms yet; `farmtally farm create` makes one")
            }
            Ok(farms) => {
                let names: Vec<_> =
                    farms.iter().map(|farm| format!("`{}`", one_line(farm.display_name.as_str()))).collect();
                failure.hint(format!("the farms of this folder are {}", names.join(", ")))
            }
            Err(_) => failure,
        }
    }

    /// The id that the farm gets if it has to be made.
    fn id_when_created(&self) -> FarmId {
        match self {
            Self::Id(id) => *id,
            Self::Name(name) => farm_id_for_name(name.as_str()),
        }
    }

    /// Makes the farm. One that is known by its id alone is called by it.
    pub(crate) fn create(&self, catalogue: &Catalogue, now: Timestamp) -> Result<Farm, Failure> {
        let display_name = match self {
            Self::Id(id) => DisplayName::new(&id.to_string()).map_err(|error| Failure::of(&error))?,
            Self::Name(name) => name.clone(),
        };
        create_farm(catalogue, self.id_when_created(), display_name, now)
    }
}

/// Makes a farm, or gives the one that has this id.
pub(crate) fn create_farm(
    catalogue: &Catalogue,
    farm_id: FarmId,
    display_name: DisplayName,
    now: Timestamp,
) -> Result<Farm, Failure> {
    let farm = NewFarm { farm_id, display_name, created_by: CREATED_BY.to_owned() };
    Ok(catalogue.create_farm(&farm, now)?)
}

/// Every farm of the folder.
pub(crate) fn all_farms(catalogue: &Catalogue) -> Result<Vec<Farm>, Failure> {
    Ok(catalogue.farms(None, usize::MAX)?)
}
