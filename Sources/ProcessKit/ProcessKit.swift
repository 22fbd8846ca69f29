//! ProcessKit
