//! What an anchor is made of: the types of the keys of `[anchor]`.

use super::document::Document;
use super::error::Origin;
use super::pipeline::Pipeline;
use super::sections::Anchor;
use super::value::Value;
use serde::{Serialize, Serializer};
use std::path::Path;

/// What an anchor is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnchorKind {
    /// The latent of the core itself.
    Image,
    /// The mean latent of the images nearest to the centre of the core's group.
    Mean,
    /// That mean, moved away from the mean of the class.
    Spread,
    /// The mean latent of the whole group.
    Centroid,
}

impl AnchorKind {
    /// Every kind with its name and what it is.
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Image, "image", "the latent of the core, one real image, as published"),
        (
            Self::Mean,
            "mean",
            "the mean latent of the `members` images nearest to the centre of the core's group",
        ),
        (
            Self::Spread,
            "spread",
            "that mean, moved away from the mean of the class: mean + (`spread` − 1) · (mean − class mean)",
        ),
        (Self::Centroid, "centroid", "the mean latent of all images of the core's group"),
    ];

    /// The name in settings and tables.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, name, _)| name)
    }
}

impl Value for AnchorKind {
    const KIND: &'static str = "\"image\", \"mean\", \"spread\" or \"centroid\"";

    fn choices() -> Vec<(&'static str, &'static str)> {
        Self::ALL.map(|(_, name, what)| (name, what)).to_vec()
    }

    fn take(value: &toml::Value, _: &Path) -> Option<Self> {
        let name = value.as_str()?;
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(kind, ..)| *kind)
    }

    fn show(&self) -> String {
        format!("{:?}", self.name())
    }
}

/// How far means are moved apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// By this factor: 1 leaves them where they are.
    By(f64),
    /// By what discovery measured, class by class.
    Auto,
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::By(factor) => out.serialize_f64(*factor),
            Self::Auto => out.serialize_str("auto"),
        }
    }
}

impl Value for Spread {
    const KIND: &'static str = "a number of 0 or more, or \"auto\"";

    fn take(value: &toml::Value, base: &Path) -> Option<Self> {
        match value.as_str() {
            Some(word) => (word == "auto").then_some(Self::Auto),
            None => f64::take(value, base).filter(|factor| *factor >= 0.0).map(Self::By),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::By(factor) => factor.show(),
            Self::Auto => "\"auto\"".into(),
        }
    }
}

impl Anchor {
    /// Images of a group that its anchor is made of: the core alone (`None`), or that many at most.
    pub fn group_members(&self) -> Option<usize> {
        match self.kind {
            AnchorKind::Image => None,
            AnchorKind::Mean | AnchorKind::Spread => Some(self.members),
            AnchorKind::Centroid => Some(usize::MAX),
        }
    }
}

impl Pipeline {
    /// Keys of `[anchor]` that are set although the kind of anchor does not look at them, in sentences.
    pub(super) fn idle_anchor_keys(&self, document: &Document) -> Vec<String> {
        let kind = self.anchor.kind;
        let readers: [(&str, &[AnchorKind]); 2] = [
            ("members", &[AnchorKind::Mean, AnchorKind::Spread]),
            ("spread", &[AnchorKind::Spread]),
        ];
        let given = |key: &str| {
            document.get("anchor", key).is_some_and(|entry| entry.origin != Origin::Absent)
        };
        let idle = readers.into_iter().filter(|(key, of)| given(key) && !of.contains(&kind));
        idle.map(|(key, of)| {
            let of: Vec<String> = of.iter().map(Value::show).collect();
            let of = of.join(" or ");
            format!("anchor.{key} has no effect with kind = {}; only {of} uses it", kind.show())
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, sets: &[&str]) -> Result<Pipeline, String> {
        let text = format!("[data]\nshards = \"a.tar\"\n[model]\npath = \"m\"\n{text}");
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        Pipeline::parse(&text, Path::new("p.toml"), &sets).map_err(|error| error.to_string())
    }

    #[test]
    fn kinds_members_and_spread_are_read_and_shown() {
        let of = |text: &str| load(&format!("[anchor]\n{text}"), &[]).map(|p| p.anchor);
        let anchor = of("kind = \"spread\"\nmembers = 5\nspread = \"auto\"").unwrap();
        assert_eq!((anchor.kind, anchor.members), (AnchorKind::Spread, 5));
        assert_eq!(anchor.spread, Spread::Auto);
        assert_eq!(anchor.group_members(), Some(5));
        let shown = serde_json::to_value(&anchor).unwrap();
        assert_eq!((&shown["kind"], &shown["spread"]), (&"spread".into(), &"auto".into()));
        assert_eq!(of("spread = 1").unwrap().spread, Spread::By(1.0));
        assert_eq!(of("kind = \"image\"").unwrap().group_members(), None);
        assert_eq!(of("kind = \"centroid\"").unwrap().group_members(), Some(usize::MAX));
        for (wrong, said) in [
            ("kind = \"median\"", "`anchor.kind` must be \"image\", \"mean\", \"spread\" or"),
            ("members = 0", "`anchor.members` must be at least 1, is 0"),
            ("spread = -0.5", "`anchor.spread` must be a number of 0 or more, or \"auto\""),
            ("spread = \"wide\"", "`anchor.spread` must be a number of 0 or more, or \"auto\""),
        ] {
            let error = of(wrong).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn the_published_preset_takes_the_image_itself() {
        let kind = |sets: &[&str]| load("", sets).unwrap().anchor.kind;
        assert_eq!(kind(&["preset=published"]), AnchorKind::Image);
        assert_eq!(kind(&["preset=published", "anchor.kind=mean"]), AnchorKind::Mean);
    }

    #[test]
    fn keys_that_a_kind_does_not_read_are_told() {
        let unused = |sets: &[&str]| load("", sets).unwrap().unused;
        assert_eq!(unused(&["anchor.kind=spread", "members=5", "spread=1.5"]), [""; 0]);
        let found = unused(&["anchor.kind=centroid", "members=5", "spread=1.5"]);
        assert_eq!(
            found,
            [
                "anchor.members has no effect with kind = \"centroid\"; only \"mean\" or \"spread\" uses it",
                "anchor.spread has no effect with kind = \"centroid\"; only \"spread\" uses it",
            ]
        );
    }
}
