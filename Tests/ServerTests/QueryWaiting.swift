import Glibc

func queryPause(milliseconds: UInt32) { usleep(milliseconds * 1000) }

/// Whether `condition` becomes true within two seconds.
func queryEventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<400 {
        if condition() { return true }
        queryPause(milliseconds: 5)
    }
    return condition()
}
