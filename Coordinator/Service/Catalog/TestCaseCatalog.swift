import BuildProtocol
public import CoordinatorCore

/// Adds, changes and removes test cases. Queued builds keep the cases with which they were
/// submitted.
public struct TestCaseCatalog: Sendable {
    let ports: Ports
    let store: any CatalogWriter

    /// - Throws: `Refusal`, `StoreError`
    public func add(_ form: TestCaseForm, by actor: String) async throws -> TestCase {
        if let problem = Names.titleProblem(form.name, what: "name of the test case") {
            throw Refusal(problem)
        }
        if let problem = form.definition?.problem { throw Refusal(problem) }
        let testCase = TestCase(
            id: ports.ids.randomID(), name: form.name, osType: form.osType,
            definition: form.definition)
        try await store.recording(
            ports.auditEntry(actor, "testcase.add", form.name, testCase.auditFields.words)
        ).add(testCase)
        return testCase
    }

    /// Replaces the definition.
    ///
    /// - Throws: `Refusal`, `StoreError`
    public func change(
        _ name: String, osType: OSType?, to definition: TestDefinition?, by actor: String
    ) async throws -> TestCase {
        if let problem = definition?.problem { throw Refusal(problem) }
        let known = try await ports.testCase(name, osType: osType)
        var testCase = known
        testCase.definition = definition
        guard testCase != known else { return known }
        let words = testCase.auditFields.words(since: known.auditFields)
        try await store.recording(
            ports.auditEntry(
                actor, "testcase.change", testCase.name,
                // Test cases of both types may have the name.
                testCase.osType.rawValue + (words.isEmpty ? "" : "; " + words))
        ).define(testCase)
        return testCase
    }

    /// - Throws: `Refusal`, `StoreError`
    public func remove(
        _ name: String, osType: OSType?, by actor: String
    ) async throws {
        let testCase = try await ports.testCase(name, osType: osType)
        try await store.recording(
            ports.auditEntry(
                actor, "testcase.remove", testCase.name, testCase.auditFields.words)
        ).removeTestCase(id: testCase.id)
    }
}

extension Ports {
    /// - Parameter name: the name or the id.
    /// - Throws: `Refusal` if cases of both OS types have the name, `StoreError`
    public func testCase(_ name: String, osType: OSType?) async throws -> TestCase {
        let found = try await store.testCases(osType)
            .filter { $0.id == name || $0.name == name }
        guard let testCase = found.first else {
            throw StoreError.notFound(what: .testCase, name: name)
        }
        guard found.count == 1 else {
            throw Refusal(
                .conflict,
                "\(found.count) test cases are named \(Names.quoted(name)): name the type, or an "
                    + "id of " + found.map(\.id).joined(separator: ", "))
        }
        return testCase
    }
}

/// The fields of a request to register a test case.
public struct TestCaseForm: Sendable, Decodable {
    public var name: String
    public var osType: OSType
    public var definition: TestDefinition?

    public init(_ name: String, _ osType: OSType, _ definition: TestDefinition?) {
        self.name = name
        self.osType = osType
        self.definition = definition
    }
}
