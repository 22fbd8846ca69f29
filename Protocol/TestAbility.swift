/// Features of test plans that not every agent supports. An agent lists its abilities in its
/// report; older ones list none.
public enum TestAbility: String, Sendable, CaseIterable {
    /// Runs programs whose text is in the plan.
    case programText = "program-text"
    /// Boots guests by UEFI.
    case uefi
}
