/// Environment variables that mark every process of an attempt, so that it can be found.
public enum ProcessMark {
    public static let attempt = "AIBUILD_ATTEMPT"
    /// The state folder: several agents may run on one machine.
    public static let stateFolder = "AIBUILD_STATE"
}
