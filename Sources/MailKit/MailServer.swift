//! MailKit: sends mails by SMTP with libcurl. Independent of their content. No blocking call runs
//! on the cooperative pool.

import CCurl
public import ErrorKit
import Support

public typealias MailError = CodedError<MailErrorCode>

public enum MailErrorCode: UsualFailureCode {
    /// The server refuses the sender, every recipient or the content, and would again.
    case usual
    /// The server cannot be reached, does not accept the login, or asks to come back later.
    case unavailable

    public var isPermanent: Bool { self == .usual }
}

/// A server that takes mails, by SMTP.
public struct MailServer: Sendable, CustomStringConvertible, CustomReflectable {
    /// `smtp://mail.example.org:587` or, with TLS from the beginning, `smtps://…`.
    public var url: String
    public var user: String?
    public var password: String?
    /// Whether a server of `smtp://` must offer TLS. Without it, the password would be readable on
    /// the way.
    public var requiresTLS: Bool
    /// A file of trusted authorities; `nil`: the system's.
    public var authorities: String?

    public init(
        url: String, user: String? = nil, password: String? = nil, requiresTLS: Bool = true,
        authorities: String? = nil
    ) {
        self.url = url
        self.user = user
        self.password = password
        self.requiresTLS = requiresTLS
        self.authorities = authorities
    }

    /// Without the password, as in dumps.
    public var description: String { url }
    public var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Sends a mail; cancelling the task ends it within seconds.
    /// - Returns: the recipients that the server refuses, if it takes others.
    public func send(_ mail: MailMessage) async throws(MailError) -> [String] {
        do throws(MailError) {
            try await transfer(mail, to: mail.to)
            return []
        } catch {
            // One refused recipient is enough, and the others wait for the mail.
            guard error.isPermanent, mail.to.count > 1 else { throw error }
            var refused: [String] = []
            for recipient in mail.to {
                do throws(MailError) { try await transfer(mail, to: [recipient]) } catch {
                    guard error.isPermanent else { throw error }
                    refused.append(recipient)
                }
            }
            if refused.count == mail.to.count { throw error }
            return refused
        }
    }

    private func transfer(_ mail: MailMessage, to recipients: [String]) async throws(MailError) {
        let isCancelled = MailCancellation()
        let result: Result<Void, MailError>
        do {
            result = try await withTaskCancellationHandler {
                try await OwnThread.run {
                    do throws(MailError) {
                        return .success(
                            try MailTransfer(server: self, isCancelled: isCancelled)
                                .run(mail, to: recipients))
                    } catch { return .failure(error) }
                }
            } onCancel: {
                isCancelled.set()
            }
        } catch { throw MailError(.unavailable, "cannot send a mail", cause: error) }
        try result.get()
    }
}
