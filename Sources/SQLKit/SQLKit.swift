//! SQLKit
