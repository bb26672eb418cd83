package publish

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"tapedeck/cmd/flags"
)

// progress tells how far the publishing is: a bar on a terminal, else a line every few seconds.
type progress struct {
	out   io.Writer
	stats *Stats
	begin time.Time
	quit  chan struct{}
	done  chan struct{}

	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil before the first round, and where there is no terminal

	told     time.Time // of the last round
	lastSent int64
}

// The rhythm of bar and lines.
const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 5 * time.Second
)

// watch begins to tell. It ends with stop.
func watch(out io.Writer, stats *Stats) *progress {
	p := &progress{out: out, stats: stats, begin: time.Now(), told: time.Now(), quit: make(chan struct{}), done: make(chan struct{})}
	terminal := flags.Terminal(out)
	every := lineEvery
	if terminal {
		every = barEvery
	}
	go func() {
		defer close(p.done)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.tell(terminal)
			case <-p.quit:
				return
			}
		}
	}()
	return p
}

// stop ends the telling and leaves the line to whoever writes next.
func (p *progress) stop() {
	close(p.quit)
	<-p.done
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// say writes a line between two rounds.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.out, format+"\n", args...)
}

func (p *progress) tell(terminal bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	read, size := p.stats.Read.Load(), max(p.stats.Size.Load(), 1)
	text := p.text()
	if !terminal {
		fmt.Fprintf(p.out, "%3d%% %s\n", 100*read/size, text)
		return
	}
	if p.bar == nil || p.bar.IsFinished() { // as at the end of a pass of --loop
		p.bar = progressbar.NewOptions64(size, progressbar.OptionSetWriter(p.out),
			progressbar.OptionThrottle(0), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish())
	}
	p.bar.Describe(text)
	_ = p.bar.Set64(min(read, size)) // what it could say of a terminal is not worth an end
}

// text says how many records were sent, at which rate of late, and what time it was in the session.
func (p *progress) text() string {
	sent, now := p.stats.Sent.Load(), time.Now()
	rate := float64(sent-p.lastSent) / now.Sub(p.told).Seconds()
	p.lastSent, p.told = sent, now
	text := fmt.Sprintf("%s records, %s/s, at %s", grouped(sent), grouped(int64(rate)),
		time.UnixMicro(p.stats.Time.Load()).UTC().Format("2006-01-02 15:04:05"))
	if pass := p.stats.Pass.Load(); pass > 0 {
		text += fmt.Sprintf(", pass %d", pass+1)
	}
	return text
}

// grouped writes a number with its thousands apart.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
