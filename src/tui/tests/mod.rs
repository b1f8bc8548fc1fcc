//! Whole screens, bytes, hostile text, invariants.

mod screens;
