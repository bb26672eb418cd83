package player

import (
	"slices"

	"tapedeck/throttle"
)

// Op is what a player can be told.
type Op uint8

// The commands.
const (
	Pause Op = iota
	Resume
	SetSpeed // Speed
	Seek     // At
	SeekLive // as far as the archive goes, and then to the live timeline; of a player whose Config says Live
	Step     // Records: plays so many and pauses
	Widen    // Symbols, and those from before
)

// Command is one command. They are carried out in the order of Do, each at once: between two records, and also while the
// stage is being built.
type Command struct {
	Op      Op
	Speed   throttle.Speed
	At      int64 // µs
	Records int64
	Symbols []string // VENUE:NAME; nil: all
	// Done, where not nil, is called by Run before anything that the command causes: with why it was refused, or "".
	Done func(refused string)
}

// Do has a command carried out. It returns at once.
func (p *Player) Do(c Command) {
	p.mu.Lock()
	p.inbox = append(p.inbox, c)
	p.mu.Unlock()
	p.rung.Store(true)
	p.ring()
}

// obey carries out what was commanded; true if something else is to be shown.
func (p *Player) obey() (elsewhere bool) {
	if !p.rung.Load() || !p.rung.Swap(false) {
		return false
	}
	p.mu.Lock()
	list := p.inbox
	p.inbox = nil
	p.mu.Unlock()
	for _, c := range list {
		refused := p.refuses(c)
		if c.Done != nil {
			c.Done(refused)
		}
		if refused == "" && p.carryOut(c) {
			elsewhere = true
		}
	}
	return elsewhere
}

func (p *Player) refuses(c Command) string {
	if (c.Op == Seek || c.Op == SeekLive) && p.away != "" && len(p.holding) == 0 {
		return "the archive does not answer yet: what can be sought is not known"
	}
	if c.Op == SeekLive && !p.config.Live {
		return "this replay does not lead to the live timeline: open it with to=live"
	}
	if c.Op != Seek {
		return ""
	}
	if to := p.config.To; to > 0 && c.At >= to || c.At < p.config.From && p.absent(c.At, to) != "" {
		return "this is outside of the replay, which is from " + moment(p.config.From) + " on"
	}
	return p.absent(c.At, 0)
}

// carryOut does what a command says; true if the stage has to be built anew.
func (p *Player) carryOut(c Command) bool {
	at := now()
	switch c.Op {
	case Pause:
		p.paused, p.steps = true, 0
		p.clock.Stop(at)
	case Resume:
		p.paused, p.steps = false, 0
	case SetSpeed:
		p.usual = 0
		p.clock.SetSpeed(c.Speed, at)
	case Step:
		p.paused, p.steps = true, p.steps+c.Records
		p.clock.Stop(at)
		if !p.ended && !p.handed {
			return false // it tells when it is done
		}
		p.steps = 0
	case Seek:
		if p.usual != 0 {
			p.clock.SetSpeed(p.usual, at)
			p.usual = 0
		}
		p.target, p.played, p.steps = target{at: c.At}, false, 0
		return true
	case SeekLive:
		p.paused, p.steps = false, 0
		if p.handed {
			break
		}
		if p.usual == 0 {
			p.usual = p.clock.Speed()
		}
		p.clock.SetSpeed(throttle.Max, at)
		p.target, p.played = target{at: p.newest()}, false
		return true
	case Widen:
		return p.widen(c.Symbols)
	}
	p.tell("")
	return false
}

// newest is the time of the newest record that the archive was seen to hold.
func (p *Player) newest() (at int64) {
	for _, h := range p.holding {
		at = max(at, h.End)
	}
	return at
}

// widen takes more symbols in: what was shown of the others stays, so the stage is built anew up to the same record.
func (p *Player) widen(symbols []string) bool {
	if p.begun && p.symbols == nil {
		return false
	}
	p.begun = true
	if symbols == nil {
		p.symbols = nil
	} else {
		p.symbols = slices.Clone(p.symbols) // the reels have it
		for _, s := range symbols {
			if !slices.Contains(p.symbols, s) {
				p.symbols = append(p.symbols, s)
			}
		}
	}
	if p.played {
		last := p.last
		p.target = target{upto: &last}
	}
	return !p.handed
}
