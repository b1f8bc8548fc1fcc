//! What screens are made of. Everything is drawn straight into the buffer, in columns counted by display width, and
//! only what is visible is built.

pub mod bar;
pub mod canvas;
pub mod chart;
pub mod facts;
pub mod input;
pub mod masked;
pub mod table;

pub use canvas::Canvas;
