//! LoopKit
