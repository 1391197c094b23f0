//! Integration tests: they drive the real binary over real digits. One binary, so that linking is paid once.

mod bad_data;
mod commands;
mod diffusion;
mod end_to_end;
mod harness;
mod interruption;
mod python;
mod sameness;
