// Package player plays what an archive holds of a market once more: its logs are merged into one order, records are
// told to a feed.Sink when a playback clock says that they are due, and whoever watches can pause, step, seek and
// change the speed.
//
// The order is by (the log's clock, topic, partition, offset), whatever the speed and however the archive is read:
// that is what step counts, where seek goes to, and what makes two replays alike.
package player

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tapedeck/feed"
	"tapedeck/throttle"
)

// Stage is the timeline that is played to. Its methods are called by Run alone, one after the other.
type Stage interface {
	// Set clears it for an audience of these symbols (nil: of all). What the returned sink is told is seen by nobody before Show.
	Set(symbols []string) feed.Sink
	// Show lets the audience see what the sink was told since Set. same says that this is the very record at
	// which the stage was before Set; else the audience is somewhere else.
	Show(same bool)
	// Brake returns nil while the audience keeps up, else a channel that is closed when it does again.
	Brake() <-chan struct{}
	// Settle returns a channel that is closed when the audience was told all that was played so far.
	Settle() <-chan struct{}
	// Live hands the audience over to the live timeline, if that can go on exactly where it is. Of each log that the live
	// timeline reads and the stage does not it asks whether it is known not to be archived: where it is not known, it is looked
	// for, and Live asked again.
	Live(unarchived func(epoch string) bool) bool
	// Tell tells it how the timeline is.
	Tell(Status)
	// Missing says that there is nothing to be played: Run returns.
	Missing(why string)
}

// State is what a timeline does.
type State string

// The states.
const (
	Playing State = "playing"
	Paused  State = "paused"
	Live    State = "live" // handed over
	End     State = "end"
)

// Status is how a timeline is.
type Status struct {
	State  State
	At     int64  // its present, µs of log time
	Reason string // why it does not go on although it is playing: for anybody
	Err    error  // the same for who runs it, with addresses; nil where there is no reason
}

// Config of a Player. The zero value of each field from Warmup on is its default, which stands beside it.
type Config struct {
	Archive feed.Archive
	Formats func(name string) (*feed.Format, bool)
	From    int64          // µs of log time
	To      int64          // not this one nor what comes after; 0: whatever is held
	Live    bool           // goes on into what is still to come, and then to the live timeline
	Speed   throttle.Speed //
	MaxGap  time.Duration  // idle time in the log is cut to this; 0: it is not

	// Grows, where not nil, tells of a log's epoch whether more of it is to be waited for. It may be called from several goroutines.
	// What turns up of one that does not is left out.
	Grows func(epoch string) bool

	Warmup time.Duration // without a checkpoint, how much earlier than what is shown reading begins: 15 min
	Buffer int           // bytes of memory for what is read ahead: 24 MiB
	Retry  time.Duration // the longest time between two attempts at an archive that is away: 2 s
	Poll   time.Duration // how often it is looked for what is still to come: 20 ms
}

// Player plays one timeline. Run does it; the other methods may be called from anywhere.
type Player struct {
	config Config
	stage  Stage

	mu    sync.Mutex
	inbox []Command
	rung  atomic.Bool   // the inbox has something
	bell  chan struct{} // 1

	clock   throttle.Playback
	usual   throttle.Speed // of before SeekLive; 0: the clock's
	paused  bool
	steps   int64
	stalled int64       // since when the archive or the audience is waited for, ns; 0: neither is
	timer   *time.Timer // of wait
	handed  bool
	ended   bool
	away    string // what was told of an archive that does not answer
	holding []feed.Holding
	lookout lookout
	symbols []string // nil: all
	begun   bool     // somebody watches
	target  target
	sink    feed.Sink
	reels   []*reel
	stop    func()                        // ends the reels
	read    func(f func(context.Context)) // has something read, until then
	last    key                           // of the newest record played since Show
	played  bool                          // there is one

	leaving  bool            // a log has ended and was not told so yet
	settling <-chan struct{} // is waited for
}

// New returns a player that stands at its beginning. It plays when somebody watches: see Widen.
func New(c Config, stage Stage) *Player {
	c.Warmup = cmp.Or(c.Warmup, 15*time.Minute)
	c.Buffer = cmp.Or(c.Buffer, 24<<20)
	c.Retry = cmp.Or(c.Retry, 2*time.Second)
	c.Poll = cmp.Or(c.Poll, 20*time.Millisecond)
	return &Player{
		config: c, stage: stage, bell: make(chan struct{}, 1), symbols: []string{}, stop: func() {},
		clock: throttle.NewPlayback(c.From, c.Speed, c.MaxGap), target: target{at: c.From},
	}
}

// Run plays until ctx ends. It returns when all of its goroutines have ended.
func (p *Player) Run(ctx context.Context) {
	defer func() { p.stop() }()
	if !p.load(ctx) {
		return
	}
	for ctx.Err() == nil {
		if !p.begun {
			if p.obey(); !p.begun { // what came while the archive was waited for rings no more
				p.wait(ctx, nil, 0)
			}
			continue
		}
		if p.fold(ctx) {
			p.play(ctx)
		}
	}
}

// load learns what there is.
func (p *Player) load(ctx context.Context) bool {
	for failures := 0; ; failures++ {
		logs, err := p.config.Archive.Logs(ctx)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			p.holding = p.known(logs)
			break
		}
		p.complain(err)
		p.wait(ctx, nil, backoff(failures, p.config.Retry))
		p.obey() // nothing is shown yet, so there is nothing to be shown anew
	}
	p.well()
	if why := p.absent(p.config.From, p.config.To); why != "" {
		p.stage.Missing(why)
		return false
	}
	return true
}

// known leaves out what no decoder of ours reads.
func (p *Player) known(logs []feed.Holding) (list []feed.Holding) {
	for _, h := range logs {
		if _, ok := p.config.Formats(h.Format); ok && h.Next > h.First {
			list = append(list, h)
		}
	}
	return list
}

// absent says why a range cannot be played; "" if some of it can.
func (p *Player) absent(from, to int64) string {
	if len(p.holding) == 0 {
		return "the archive holds nothing yet"
	}
	begin, end := p.holding[0].Begin, p.holding[0].End
	for _, h := range p.holding {
		begin, end = min(begin, h.Begin), max(end, h.End)
	}
	if from <= end && (to == 0 || to > begin) || p.config.Live && from > end {
		return ""
	}
	return fmt.Sprintf("nothing of this time is archived: there is %s to %s", moment(begin), moment(end))
}

func moment(at int64) string { return time.UnixMicro(at).UTC().Format("2006-01-02T15:04:05.000Z") }

// target is up to where a fold goes silently.
type target struct {
	at   int64 // every record at which its log's clock has not reached this
	upto *key  // where not nil: every record up to and with this one, instead
}

func (t target) holds(k key) bool {
	if t.upto != nil {
		return k.compare(*t.upto) <= 0
	}
	return k.clock < t.at
}

// time is the log time of the target.
func (t target) time() int64 {
	if t.upto != nil {
		return t.upto.clock
	}
	return t.at
}

// key is a record's place in the order of all.
type key struct {
	clock  int64
	part   feed.Partition
	turn   int // which of the partition's logs
	offset int64
}

func (k key) compare(o key) int {
	if k.clock != o.clock {
		return cmp.Compare(k.clock, o.clock)
	}
	return cmp.Or(strings.Compare(k.part.Topic, o.part.Topic), cmp.Compare(k.part.ID, o.part.ID), cmp.Compare(k.turn, o.turn), cmp.Compare(k.offset, o.offset))
}

// fold builds the stage anew, silently up to the target, and shows it; false if it was told to go elsewhere meanwhile.
func (p *Player) fold(ctx context.Context) bool {
	p.clock.Stop(now())
	p.begin(ctx)
	for n := 0; ctx.Err() == nil; n++ {
		if n%256 == 0 && p.obey() {
			return false
		}
		r, starved := p.first()
		p.finish() // nobody sees it
		switch {
		case starved:
			p.starve(ctx)
			n = -1 // what was said meanwhile is not to wait
		case r == nil || !p.target.holds(r.key()):
			p.well()
			if p.target.upto == nil {
				p.clock.Jump(p.target.at, now())
				p.played = false
			}
			p.stage.Show(p.target.upto != nil)
			if p.obey() { // what waited for the stage to be seen
				return false
			}
			p.stalled = 0
			p.tell("")
			return true
		default:
			r.apply(p.sink)
		}
	}
	return false
}

// begin lets a reel be read for every partition, and waits for none.
func (p *Player) begin(ctx context.Context) {
	p.stop()
	p.ended, p.handed, p.settling = false, false, nil
	p.sink = p.stage.Set(p.symbols)
	reading, cancel := context.WithCancel(ctx)
	var reels sync.WaitGroup
	p.stop = func() { cancel(); reels.Wait() }
	p.read = func(f func(context.Context)) { reels.Go(func() { f(reading) }) }
	p.lookout = lookout{found: make(chan []feed.Holding, 1)}
	p.reels = p.reels[:0]
	for held := p.holding; len(held) > 0; {
		n := slices.IndexFunc(held, func(h feed.Holding) bool { return !samePartition(h, held[0]) })
		if n < 0 {
			n = len(held)
		}
		p.reels = append(p.reels, newReel(p, held[:n], p.target.time()))
		held = held[n:]
	}
	for _, r := range p.reels {
		r.size = p.window()
		p.read(r.run)
	}
	p.assign()
}

// window is how many bytes a reel reads at once.
func (p *Player) window() int { return max(p.config.Buffer/(windows*len(p.reels)), 64<<10) }

func (p *Player) assign() {
	parts := make([]feed.Partition, len(p.reels))
	for i, r := range p.reels {
		parts[i] = r.part
	}
	p.sink.Assign(parts)
}

// play plays until there is something else to be shown.
func (p *Player) play(ctx context.Context) {
	for ctx.Err() == nil {
		if p.obey() {
			return
		}
		if p.handed || p.ended {
			p.wait(ctx, nil, 0)
			continue
		}
		stepping := p.steps > 0
		if p.paused && !stepping {
			p.wait(ctx, nil, 0)
			continue
		}
		if ch := p.stage.Brake(); ch != nil {
			p.stall(ctx, ch)
			continue
		}
		if !stepping && !p.clock.Going() {
			p.clock.Go(now())
		}
		if p.config.Live {
			p.meet()
		}
		r, starved := p.first()
		switch {
		case starved:
			p.starve(ctx)
		case p.leaving && !p.settled(ctx):
		case r == nil && p.config.Live:
			p.idle(ctx)
		case r == nil:
			p.end()
		default:
			p.next(ctx, r, stepping)
		}
	}
}

// next plays the next record, or waits until it is due.
func (p *Player) next(ctx context.Context, r *reel, stepping bool) {
	k := r.key()
	if !stepping && p.clock.Speed() != throttle.Max {
		at, due := now(), p.clock.Due(k.clock)
		if due > at {
			if p.config.Live { // what turns up meanwhile may be due before
				due = min(due, at+lookEvery)
			}
			p.wait(ctx, nil, time.Duration(due-at))
			return
		}
		if at-due > late && !p.belated(k) {
			p.clock.Jump(k.clock, at) // we cannot keep up: the clock waits for us, or there would be no pace when we can
		}
	}
	if r.renews() && !p.settled(ctx) {
		return
	}
	counts := r.apply(p.sink)
	p.stalled = 0
	if !p.belated(k) {
		p.clock.Played(k.clock)
		p.last, p.played = k, true
	}
	if stepping && counts {
		if p.steps--; p.steps == 0 {
			p.tell("")
		}
	}
	if p.config.Live {
		p.tryLive()
	}
}

// belated reports a record that lies before what was played already: of a log that turned up late. It is told at once.
func (p *Player) belated(k key) bool {
	if p.played {
		return k.compare(p.last) <= 0
	}
	return p.target.holds(k)
}

// settled lets logs end, and go on as others, once the audience was told all of them: what their rooms say next has other
// numbers, and what was not told by then would be lost. false: that is waited for.
func (p *Player) settled(ctx context.Context) bool {
	if p.settling == nil {
		p.settling = p.stage.Settle()
	}
	select {
	case <-p.settling:
		p.settling, p.stalled = nil, 0
		p.finish()
		return true
	default:
		p.stall(ctx, p.settling)
		return false
	}
}

// finish tells the logs that have ended so.
func (p *Player) finish() {
	if p.leaving {
		p.leaving = false
		for _, r := range p.reels {
			r.finish()
		}
	}
}

// late (ns) is how much later than due a record may be played without the clock being set back to it, and for how long the
// clock goes on while the archive or the audience is waited for.
const late = int64(250 * time.Millisecond)

// stall waits for the archive, or until ch is closed for the audience. The clock goes on at first: what becomes due
// meanwhile comes a little late, and the many short waits of a busy machine add up to no drift. After a longer one it stands
// again where the wait began, so that nothing comes in a burst.
func (p *Player) stall(ctx context.Context, ch <-chan struct{}) {
	at := now()
	if p.stalled == 0 {
		p.stalled = at
	}
	if left := p.stalled + late - at; left > 0 && p.clock.Going() {
		p.wait(ctx, ch, time.Duration(left))
		return
	}
	p.clock.Stop(p.stalled)
	p.wait(ctx, ch, 0)
}

// tryLive hands the audience over, where it is wanted and can be.
func (p *Player) tryLive() bool {
	if p.paused || p.clock.Speed() != throttle.Max && p.clock.Speed() <= throttle.Natural {
		return false
	}
	if p.handed = p.stage.Live(p.unarchived); !p.handed {
		return false
	}
	p.stop()
	p.reels = p.reels[:0]
	p.clock.Stop(now())
	p.stage.Tell(Status{State: Live, At: now() / 1000})
	return true
}

// idle waits for what is still to come.
func (p *Player) idle(ctx context.Context) {
	if !p.tryLive() {
		p.wait(ctx, nil, p.config.Poll)
	}
}

func (p *Player) end() {
	p.clock.Stop(now())
	p.ended, p.steps = true, 0
	p.tell("")
}

// starve waits for the archive, and says so when it does not answer.
func (p *Player) starve(ctx context.Context) {
	for _, r := range p.reels {
		if err := r.failed.Load(); err != nil {
			p.complain(*err)
			break
		}
	}
	p.stall(ctx, nil)
}

func (p *Player) complain(err error) {
	if text := err.Error(); text != p.away {
		p.away = text
		p.stage.Tell(Status{State: Playing, At: p.clock.At(now()), Reason: Plain(err) + ", trying again", Err: err})
	}
}

// Plain is what anybody is told of an archive's error.
func Plain(err error) string {
	text, trouble := "the archive does not answer", feed.Trouble("")
	if errors.As(err, &trouble) {
		text += ": " + string(trouble)
	}
	return text
}

// well notes that the archive answers; tell follows, or has no need to.
func (p *Player) well() { p.away = "" }

// tell tells how the timeline is.
func (p *Player) tell(reason string) {
	s := Status{State: Playing, At: p.clock.At(now()), Reason: reason}
	switch {
	case p.handed:
		s.State = Live
	case p.ended:
		s.State = End
	case p.paused:
		s.State = Paused
	}
	p.stage.Tell(s)
}

// first returns the reel whose record is next; nil if there is none any more, or none yet. starved: one has to be waited
// for.
func (p *Player) first() (first *reel, starved bool) {
	p.leaving = false
	for _, r := range p.reels {
		if r.after != nil && !r.after.finished {
			continue
		}
		if !r.ready() {
			if !r.over && !r.dry.Load() {
				return nil, true
			}
			p.leaving = p.leaving || r.over && !r.finished
			continue
		}
		if first == nil || r.key().compare(first.key()) < 0 {
			first = r
		}
	}
	if p.away != "" && first != nil {
		p.well()
		p.tell("")
	}
	return first, false
}

// wait returns when something is said, when ch is closed or after d; 0: never.
func (p *Player) wait(ctx context.Context, ch <-chan struct{}, d time.Duration) {
	var after <-chan time.Time
	if d > 0 {
		if p.timer == nil {
			p.timer = time.NewTimer(d)
		} else {
			p.timer.Reset(d)
		}
		defer p.timer.Stop()
		after = p.timer.C
	}
	select {
	case <-ctx.Done():
	case <-ch:
	case <-p.bell:
	case <-after:
	}
}

func (p *Player) ring() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

func now() int64 { return time.Now().UnixNano() }

func samePartition(a, b feed.Holding) bool { return a.Topic == b.Topic && a.Partition == b.Partition }

func backoff(failures int, limit time.Duration) time.Duration {
	return min(50*time.Millisecond<<min(failures, 10), limit)
}
