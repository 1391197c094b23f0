//! How real and generated images are mixed.

use serde::Serialize;

/// The choice of a real or a generated image for each core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mix {
    /// All images are generated.
    Off,
    /// The real image where a forward test says that the model does not know what the anchor shows.
    Forward,
}

named!(Mix, "\"off\" or \"forward\"", "off" => Mix::Off, "forward" => Mix::Forward);
