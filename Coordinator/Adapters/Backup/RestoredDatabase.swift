import BuildProtocol
import CoordinatorCore
import SQLKit
import Support

/// Makes a database that has gone back in time fit to lead with.
enum RestoredDatabase {
    /// More than a clock is wrong, and more than coordinators that take over from each other count
    /// up. Epochs count seconds; hosts accept steps of more than a century.
    static let epochStep: Int64 = 1_000_000

    /// - Parameters:
    ///   - keys: `nil`: there are none.
    ///   - epoch: the newest one that is known.
    ///   - isKeyLost: what the keys do not open is marked as lost.
    ///   - webRoot: whose images tell which numbers are taken.
    /// - Returns: what is lost, now or since an earlier restore.
    /// - Throws: `Failure` if the keys do not open what is in the database.
    static func settle(
        _ location: SQLLocation, keys: SealingKeys?, isKeyLost: Bool, above epoch: Int64,
        webRoot: String
    ) async throws -> [LostSecret] {
        // Migrates an older one.
        let store = try await SQLStore.open(location, keys: keys)
        await store.close()
        let database = try await SQLDatabase.open(location)
        do {
            let lost = try await database.transaction { transaction in
                let lost = try check(keys, isKeyLost, transaction)
                try raise(above: epoch, transaction)
                // Whoever has signed out since would be signed in again.
                try transaction.execute("DELETE FROM sessions")
                try transaction.execute("DELETE FROM sign_in_codes")
                try raiseNumbers(webRoot, transaction)
                return lost
            }
            await database.close()
            return lost
        } catch {
            await database.close()
            throw error
        }
    }

    private static func check(
        _ keys: SealingKeys?, _ isKeyLost: Bool, _ transaction: borrowing SQLTransaction
    ) throws -> [LostSecret] {
        var found = Resealing.Findings()
        for place in Resealing.all(keys ?? SealingKeys(SecretKey())) {
            if isKeyLost { try place.lose(transaction) }
            found = found + (try place.findings(transaction))
        }
        guard found.strange.isEmpty else {
            throw wrongKeys(found.strange.joined(separator: ", "))
        }
        return found.lost
    }

    static func wrongKeys(_ what: String) -> Failure {
        Failure(
            "The secret key is not the one of this backup: it does not open \(what). Put the key "
                + "of that time in its place, or add it as a further line, then try again. If it "
                + "is lost, restore the rest with --without-keys")
    }

    /// Hosts and the web root know epochs that were given since the backup, and refuse older ones.
    private static func raise(
        above epoch: Int64, _ transaction: borrowing SQLTransaction
    ) throws {
        let row = try transaction.query("SELECT epoch FROM leadership WHERE id = 1").first
        let own = try checked(row?.int64("epoch") ?? 0, of: "the backup")
        let known = max(own, epoch, Clocks.unixMilliseconds() / 1000)
        let next = known + epochStep
        // Nobody holds this lease. The epochs after it are larger.
        try transaction.execute(
            "UPDATE leadership SET epoch = ?, holder = '', url = '', expires_ms = 0 WHERE id = 1",
            [.int(next)])
        try FenceTable.set(next, transaction)
    }

    /// The images of builds that were submitted since the backup are there. A build of the same
    /// day with the same number would replace them.
    private static func raiseNumbers(
        _ webRoot: String, _ transaction: borrowing SQLTransaction
    ) throws {
        for row in try transaction.query("SELECT id, name, last_number FROM guestos") {
            guard let name = try row.textOrNil("name"), let id = try row.textOrNil("id") else {
                continue
            }
            let taken = largestNumber(Names.fileName(of: name), webRoot)
            guard taken > (try row.intOrNil("last_number") ?? 0) else { continue }
            try transaction.execute(
                "UPDATE guestos SET last_number = ? WHERE id = ?", [.int(taken), .text(id)])
        }
    }

    /// Of the images `<folder>x86_64_<day>_<number>…`.
    static func largestNumber(_ folder: String, _ webRoot: String) -> Int {
        let begin = folder + "x86_64_"
        var largest = 0
        for place in ["build", "release"] {
            let names = (try? Files.list("\(webRoot)/images/\(place)/\(folder)")) ?? []
            for name in names where name.hasPrefix(begin) {
                let digits = name.utf8.dropFirst(begin.utf8.count + 9)
                    .prefix { (48...57).contains($0) }
                guard digits.count < 10, let number = Int(String(decoding: digits, as: UTF8.self))
                else { continue }
                largest = max(largest, number)
            }
        }
        return largest
    }

    /// That of the last leader that published something there.
    /// - Throws: `Failure` if no coordinator can have got there.
    static func epoch(ofWebRoot folder: String) throws -> Int64 {
        let path = "\(folder)/images/.epoch"
        let text = try? Files.read(path, limitBytes: 64)
        return try checked(
            text.flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0, of: path)
    }

    /// Seconds that no clock will show; there is room above it for every step.
    private static let largestEpoch = Int64.max / 2

    static func checked(_ epoch: Int64, of place: String) throws -> Int64 {
        guard epoch <= largestEpoch else {
            throw Failure(
                "The epoch of \(place) is \(epoch), which no coordinator has given: correct it "
                    + "first")
        }
        return epoch
    }
}
