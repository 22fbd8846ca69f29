import CoordinatorCore
import Synchronization

/// Remembers what became of the last questions to a provider.
final class ContactLog: Sendable {
    private let state = Mutex(ProviderContact())

    var contact: ProviderContact { state.withLock(\.self) }

    /// What a person brought that is not good says nothing of the provider.
    func note<Value>(_ outcome: Result<Value, IdentityFault>, _ unixMilliseconds: Int64) {
        state.withLock { contact in
            guard case .failure(let fault) = outcome, fault.code == .unreachable else {
                return contact.reachedMilliseconds = unixMilliseconds
            }
            contact.fault = "\(fault)"
            contact.faultMilliseconds = unixMilliseconds
        }
    }
}
