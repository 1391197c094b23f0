//! stub
/// s
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)] pub enum GuidanceSchedule {/// s
 Sigma, /// s
 Flat}
/// s
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)] pub enum NoiseKind {/// s
 Native, /// s
 TorchCpu}
