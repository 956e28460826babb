//! What goes into statements and comes out of rows, the same for every database.
//!
//! There are three kinds of values: integers, texts and bytes. An absent value keeps its kind, because a database that checks
//! types has to know what is absent.

use crate::error::StoreError;

/// A value of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// The values of a statement, in the order of `?1`, `?2` and so on.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::database::ToValue::to_value(&$value)),*]
    };
}
pub(crate) use params;

/// What a statement can be given.
pub(crate) trait ToValue {
    /// The absent value of this kind.
    const NULL: Value<'static>;

    fn to_value(&self) -> Value<'_>;
}

impl ToValue for i64 {
    const NULL: Value<'static> = Value::Integer(None);

    fn to_value(&self) -> Value<'_> {
        Value::Integer(Some(*self))
    }
}

impl ToValue for u32 {
    const NULL: Value<'static> = Value::Integer(None);

    fn to_value(&self) -> Value<'_> {
        Value::Integer(Some(i64::from(*self)))
    }
}

impl ToValue for str {
    const NULL: Value<'static> = Value::Text(None);

    fn to_value(&self) -> Value<'_> {
        Value::Text(Some(self))
    }
}

impl ToValue for String {
    const NULL: Value<'static> = Value::Text(None);

    fn to_value(&self) -> Value<'_> {
        Value::Text(Some(self))
    }
}

impl ToValue for [u8] {
    const NULL: Value<'static> = Value::Bytes(None);

    fn to_value(&self) -> Value<'_> {
        Value::Bytes(Some(self))
    }
}

impl ToValue for Vec<u8> {
    const NULL: Value<'static> = Value::Bytes(None);

    fn to_value(&self) -> Value<'_> {
        Value::Bytes(Some(self))
    }
}

impl<const N: usize> ToValue for [u8; N] {
    const NULL: Value<'static> = Value::Bytes(None);

    fn to_value(&self) -> Value<'_> {
        Value::Bytes(Some(self))
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    const NULL: Value<'static> = T::NULL;

    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    const NULL: Value<'static> = T::NULL;

    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(T::NULL, T::to_value)
    }
}

/// What a column can be read as.
pub(crate) trait FromColumn: Sized {
    /// The value, or what was expected in its place.
    fn from_column(column: Column<'_>) -> Result<Self, &'static str>;
}

impl FromColumn for i64 {
    fn from_column(column: Column<'_>) -> Result<Self, &'static str> {
        match column {
            Column::Integer(number) => Ok(number),
            _ => Err("an integer"),
        }
    }
}

impl FromColumn for u32 {
    fn from_column(column: Column<'_>) -> Result<Self, &'static str> {
        match column {
            Column::Integer(number) => Self::try_from(number).map_err(|_| "an integer from 0 to 4294967295"),
            _ => Err("an integer"),
        }
    }
}

impl FromColumn for String {
    fn from_column(column: Column<'_>) -> Result<Self, &'static str> {
        match column {
            Column::Text(text) => Ok(text.to_owned()),
            _ => Err("a text"),
        }
    }
}

impl FromColumn for Vec<u8> {
    fn from_column(column: Column<'_>) -> Result<Self, &'static str> {
        match column {
            Column::Bytes(bytes) => Ok(bytes.to_vec()),
            _ => Err("bytes"),
        }
    }
}

impl<const N: usize> FromColumn for [u8; N] {
    fn from_column(column: Column<'_>) -> Result<Self, &'static str> {
        match column {
            Column::Bytes(bytes) => bytes.try_into().map_err(|_| "another number of bytes"),
            _ => Err("bytes"),
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(column: Column<'_>) -> Result<Self, &'static str> {
        match column {
            Column::Null => Ok(None),
            present => T::from_column(present).map(Some),
        }
    }
}

/// A column as the type that was written into it; anything else is damage.
pub(crate) fn read<T: FromColumn>(index: usize, column: Column<'_>) -> Result<T, StoreError> {
    T::from_column(column).map_err(|expected| {
        StoreError::damaged("a row of the catalogue", format!("its column {index} is not {expected}"))
    })
}
