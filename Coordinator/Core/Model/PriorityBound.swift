public import BuildProtocol

/// Priorities of builds; a higher one goes first.
public enum PriorityBound: NumberBound { public static let range = -100...100 }
