// Package progress tells how far a command is: by a bar on a terminal, else by a line every few seconds.
package progress

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"tapedeck/cmd/flags"
)

// Gauge is what is looked at. Its functions are called from another goroutine.
type Gauge struct {
	Far   func() (done, of int64) // in whatever unit
	Count func() int64
	What  string        // is counted: "records"
	Note  func() string // is told behind; nil: nothing
}

// Meter tells how far something is, until Stop.
type Meter struct {
	out   io.Writer
	gauge Gauge
	begin time.Time
	quit  chan struct{}
	done  chan struct{}

	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil before the first round, and where there is no terminal

	told time.Time // of the last round
	last int64
}

// The rhythm of bar and lines.
const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 5 * time.Second
)

// Watch begins to tell. It ends with Stop.
func Watch(out io.Writer, g Gauge) *Meter {
	m := &Meter{out: out, gauge: g, begin: time.Now(), told: time.Now(), last: g.Count(), quit: make(chan struct{}), done: make(chan struct{})}
	terminal := flags.Terminal(out)
	every := lineEvery
	if terminal {
		every = barEvery
	}
	go func() {
		defer close(m.done)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				m.tell(terminal)
			case <-m.quit:
				return
			}
		}
	}()
	return m
}

// Stop ends the telling, leaves the line to whoever writes next, and returns how long it took.
func (m *Meter) Stop() time.Duration {
	close(m.quit)
	<-m.done
	if m.bar != nil {
		_ = m.bar.Clear()
	}
	return time.Since(m.begin)
}

// Say writes a line between two rounds.
func (m *Meter) Say(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bar != nil {
		_ = m.bar.Clear()
	}
	fmt.Fprintf(m.out, format+"\n", args...)
}

func (m *Meter) tell(terminal bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	done, of := m.gauge.Far()
	of = max(of, 1)
	text := m.text()
	if !terminal {
		fmt.Fprintf(m.out, "%3d%% %s\n", 100*min(done, of)/of, text)
		return
	}
	if m.bar == nil || m.bar.IsFinished() { // as at the end of a pass of --loop
		m.bar = progressbar.NewOptions64(of, progressbar.OptionSetWriter(m.out),
			progressbar.OptionThrottle(0), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish())
	}
	m.bar.Describe(text)
	_ = m.bar.Set64(min(done, of)) // what it could say of a terminal is not worth an end
}

// text says how many there were, and at which rate of late.
func (m *Meter) text() string {
	count, now := m.gauge.Count(), time.Now()
	rate := float64(count-m.last) / now.Sub(m.told).Seconds()
	m.last, m.told = count, now
	text := fmt.Sprintf("%s %s, %s/s", Grouped(count), m.gauge.What, Grouped(int64(rate)))
	if m.gauge.Note != nil {
		text += m.gauge.Note()
	}
	return text
}

// Rate is how many a second there were.
func Rate(count int64, took time.Duration) string {
	return Grouped(int64(float64(count)/max(took, time.Microsecond).Seconds())) + "/s"
}

// Grouped writes a number with its thousands apart.
func Grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
