package record

import (
	"syscall"
	"testing"
	"time"
)

// BenchmarkClickHouseRecord records a million records of about 140 bytes from a Kafka in this process: the program's own CPU time and
// the time that it takes are told per record.
func BenchmarkClickHouseRecord(b *testing.B) {
	w := newWorld(b)
	const records = 1_000_000
	for w.sent.Load() < records {
		w.send(20_000)
	}
	for b.Loop() {
		if err := w.db.Conn().Exec(b.Context(), "TRUNCATE TABLE "+w.db.Table("records")); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		c, out := w.recorder(w.address, "--batch-rows", "50000", "--batch-every", "1s")
		w.complete(out)
		took := time.Since(began)
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			b.Fatal(err, out)
		}
		b.ReportMetric(records/took.Seconds(), "records/s")
		b.ReportMetric((c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), "cpu-s/million")
		if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
			b.ReportMetric(float64(usage.Maxrss)/1024, "MiB")
		}
	}
}
