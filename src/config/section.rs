//! One declaration per setting: name, type, default, rule, documentation.

use super::bases::Bases;
use super::document::Document;
use super::error::Problem;
use super::key_doc::KeyDoc;

/// A section of the pipeline file.
pub trait Section: Sized {
    /// Its name.
    const NAME: &'static str;
    /// Its keys, in the order of the declaration.
    fn keys() -> Vec<KeyDoc>;
    /// Reads it from `document`, adding what is wrong to `problems` (a wrong key then has its default).
    fn read(document: &Document, bases: Bases<'_>, problems: &mut Vec<Problem>) -> Self;
}

/// Declares a section: `key: Type = default, rule;` with its documentation above it.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident = $section:literal {
            $( $(#[doc = $doc:literal])+ $key:ident : $kind:ty = $default:expr, $rule:expr; )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $key: $kind, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        impl $crate::config::section::Section for $name {
            const NAME: &'static str = $section;

            fn keys() -> Vec<$crate::config::key_doc::KeyDoc> {
                let defaults = Self::default();
                vec![ $( $crate::config::key_doc::KeyDoc {
                    section: $section.into(),
                    key: stringify!($key),
                    kind: <$kind as $crate::config::value::Value>::KIND.to_owned(),
                    default: $crate::config::value::Value::show(&defaults.$key),
                    doc: concat!($($doc, "\n"),+),
                    choices: <$kind as $crate::config::value::Value>::choices(),
                }, )+ ]
            }

            fn read(
                document: &$crate::config::document::Document,
                bases: $crate::config::bases::Bases<'_>,
                problems: &mut Vec<$crate::config::error::Problem>,
            ) -> Self {
                let defaults = Self::default();
                Self { $( $key: $crate::config::value::read_key(
                    document, ($section, stringify!($key)), bases, defaults.$key, $rule, problems,
                ), )+ }
            }
        }
    };
}
