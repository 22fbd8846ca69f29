public import CoordinatorCore
import Support

/// Measures regularly what the farm stores, so that those who ask for it do not wait.
public actor StorageGauge {
    public struct Reading: Sendable {
        public var atMilliseconds: Int64
        public var amounts: [(data: GrowingData, amount: StoredAmount)]
    }

    /// The last one; `nil` until the first is complete.
    public private(set) var reading: Reading?
    private let ports: Ports
    private var measuring: Task<Void, Never>?
    private let log = Logger("storage")

    init(ports: Ports) { self.ports = ports }

    func start() {
        guard let meter = ports.meter, measuring == nil else { return }
        measuring = Task { await self.measureRegularly(meter) }
    }

    func stop() async {
        measuring?.cancel()
        await measuring?.value
    }

    private func measureRegularly(_ meter: any StorageMeter) async {
        while !Task.isCancelled {
            await measure(meter)
            let pause = ports.limits.storageMilliseconds
            do { try await ports.clock.sleep(milliseconds: pause) } catch { return }
        }
    }

    private func measure(_ meter: any StorageMeter) async {
        let began = ports.clock.unixMilliseconds()
        var amounts: [(data: GrowingData, amount: StoredAmount)] = []
        for data in GrowingData.all where !Task.isCancelled {
            do { amounts.append((data, try await meter.measure(data))) } catch {
                log.warning("cannot measure \(data.id): \(error)")
            }
        }
        if !Task.isCancelled { reading = Reading(atMilliseconds: began, amounts: amounts) }
    }
}
