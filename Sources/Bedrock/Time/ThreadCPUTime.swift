import Glibc

/// CPU time that the calling thread has used so far, nanoseconds; for benchmarks, which must not count what else the machine does.
public func threadCPUNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}
