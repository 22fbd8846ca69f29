/// The version of aibuild, from which all others are taken: `--version` of each program, the API,
/// the manual pages and the packages.
public enum ProgramVersion {
    /// scripts/version.sh reads this line.
    public static let current = "0.1.0"
}
