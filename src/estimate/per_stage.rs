//! One value for each stage.

/// One value for each stage, in their order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[allow(missing_docs, reason = "the stages' names say it")]
pub struct PerStage<T> {
    pub encode: T,
    pub purity: T,
    pub discover: T,
    pub fetch: T,
    pub anchor: T,
    pub generate: T,
    pub assemble: T,
}

impl<T> PerStage<T> {
    /// The value of the stage of this name.
    pub fn get(&self, stage: &str) -> Option<&T> {
        Some(match stage {
            "encode" => &self.encode,
            "purity" => &self.purity,
            "discover" => &self.discover,
            "fetch" => &self.fetch,
            "anchor" => &self.anchor,
            "generate" => &self.generate,
            "assemble" => &self.assemble,
            _ => return None,
        })
    }
}
