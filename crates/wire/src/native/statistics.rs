//! Statistics of an amount by their names, in the order in which they were asked for.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// Statistics of an amount. On the wire an object, `{"sum": …, "p95": …}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics<T>(pub Vec<(Arc<str>, T)>);

impl<T> Statistics<T> {
    /// A statistic by its name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(other, _)| **other == *name).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for Statistics<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(&**name, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Statistics<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Statistics<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("statistics by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut statistics = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, T>()? {
            statistics.push((name.into(), value));
        }
        Ok(Statistics(statistics))
    }
}

/// A runtime in milliseconds: whole, but for averages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RuntimeMs {
    /// A whole number.
    Whole(u64),
    /// A decimal with at most three decimals.
    Decimal(String),
}

/// Sessions, costs and runtimes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Sessions, each once; volumes too where they count.
    pub sessions: u64,
    /// Costs in US dollars after the farm's scale factor, as decimals: exact, but for averages, which have nine decimals.
    #[schema(value_type = std::collections::HashMap<String, String>, example = json!({"sum": "12.345678901"}))]
    pub cost: Statistics<String>,
    /// Runtimes in milliseconds.
    #[schema(value_type = std::collections::HashMap<String, RuntimeMs>, example = json!({"sum": 3_600_000}))]
    pub runtime_ms: Statistics<RuntimeMs>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_keep_their_order_on_the_wire_and_back() {
        let text = r#"{"sessions":2,"cost":{"p95":"2","avg":"1.5"},"runtimeMs":{"p95":7,"avg":"3.5"}}"#;
        let amounts: Amounts = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&amounts).unwrap(), text);
        assert_eq!(amounts.cost.get("avg").map(String::as_str), Some("1.5"));
        assert_eq!(amounts.runtime_ms.get("p95"), Some(&RuntimeMs::Whole(7)));
        assert_eq!(amounts.cost.get("sum"), None);
    }
}
