/// What a test plan may ask of an agent that not each one that tests images can do. An agent names
/// its abilities in its report, and one that is older names none.
public enum TestAbility: String, Sendable, CaseIterable {
    /// Runs programs whose text comes with the plan.
    case programText = "program-text"
    /// Boots guests by UEFI.
    case uefi
}
