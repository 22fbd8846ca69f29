import CoordinatorAdapters
import CoordinatorCore
import CoordinatorService
import SQLKit

/// `aibuild-coordinator admin-token`: how the first administrator gets in. Whoever may read the
/// configuration and the database of this machine's coordinator has every right anyway.
enum AdminTokenCommand {
    static func run(_ configuration: Configuration) async throws {
        let store = try await SQLStore.open(configuration.location)
        let code: String
        do {
            code = try await SignInCodes.make(
                for: Caller.localName, clock: SystemClock(), ids: RandomIDs(), box: store)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
        print("\(configuration.api.url)/sign-in?code=\(code)")
    }
}
