import BuildProtocol
import CoordinatorCore
import TextKit

/// Why a build is made, and what is new in it.
struct BuildContents {
    let ports: Ports

    /// - Parameters:
    ///   - cause: `push of c0ffee to main`
    ///   - good: the commit of the last build that passed.
    /// - Returns: the cause, and the subjects of the commits since then.
    func text(
        _ cause: String, _ guestOS: GuestOS, _ plan: BuildPlan, since good: String?
    ) async throws -> String {
        let subjects = try await ports.templates.subjects(guestOS, of: plan, since: good)
        guard !subjects.isEmpty else { return cause }
        return (cause + ": " + subjects.joined(separator: "; "))
            .prefixOfUTF8(ports.limits.reasonBytes)
    }
}
