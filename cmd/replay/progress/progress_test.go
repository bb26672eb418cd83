package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}

// Into a pipe go lines; on a terminal a bar that one line after the other is written above.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	read, note := int64(50), ", at noon"
	p := &Meter{out: &out, told: time.Now().Add(-4 * time.Second), gauge: Gauge{
		Far: func() (done, of int64) { return read, 200 }, Count: func() int64 { return 12_000 }, What: "records", Note: func() string { return note },
	}}
	p.tell(false)
	p.Say("something %d", 1)
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], " 25% 12,000 records, ") || !strings.HasSuffix(lines[0], "/s, at noon") || lines[1] != "something 1" {
		t.Errorf("printed %q", lines)
	}
	if rate := strings.Fields(lines[0])[3]; !strings.HasPrefix(rate, "2,") && rate != "3,000/s," {
		t.Errorf("the rate of 12,000 in 4 s is %s", rate)
	}

	out.Reset()
	p.tell(true)
	note = ", pass 2"
	read = 200
	p.tell(true)
	read = 10 // the next pass
	p.tell(true)
	p.Say("something %d", 2)
	text := out.String()
	for _, want := range []string{" 25% ", "pass 2", "  5% ", "something 2\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("drew %q, want %q among it", text, want)
		}
	}
}
