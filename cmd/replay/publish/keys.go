package publish

import (
	"errors"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/market"
)

// Keyer finds the key of each message: the native symbol that the feed's decoder reads in it, or for
// formats of scope connection the capture's name, since there a connection must stay whole.
type Keyer struct {
	decoders []feed.Decoder // the second reads the trades that the first leaves to it
	scope    feed.Scope
	symbol   string // of bodies that do not name theirs, as told by the user
	all      bool   // also what carries no market data

	batch   market.Batch
	value   feed.Record
	capture string // the file that is being read, without what tells its session's files apart
	only    string // the only symbol that was seen in it
	several bool
}

// NewKeyer returns the keyer of a format. symbol is the native one of bodies that do not name theirs; all: also what
// carries no market data is wanted.
func NewKeyer(f *feed.Format, symbol string, all bool) *Keyer {
	single, aggregated := feed.DefaultOptions(), feed.DefaultOptions()
	aggregated.Trades = "aggTrade"
	return &Keyer{
		decoders: []feed.Decoder{f.New(single), f.New(aggregated)},
		scope:    f.Scope, symbol: symbol, all: all,
	}
}

// Keyed is what is found of a message.
type Keyed struct {
	Key    string      // of its record
	Symbol string      // for the record's header "symbol"; "" where the body has one
	Why    feed.Reason // why the decoder refuses it; "" where it does not
	Unused bool        // it carries no market data, and that is not wanted
}

// Key finds a message's key. What the decoder refuses has one too: what is wrong with it is for its readers to say.
func (k *Keyer) Key(m *capture.Message) (r Keyed, err error) {
	if name := capture.Session(m.File); name != k.capture {
		k.capture, k.only, k.several = name, "", false
	}
	if k.scope == feed.ScopeConnection {
		return Keyed{Key: connection(m.File), Symbol: capture.Symbol(m.URL)}, nil
	}
	symbol, why := k.decode(m.Data, "")
	if symbol == "" && why.Bad() {
		if given := k.given(m.URL); given != "" {
			if symbol, _ = k.decode(m.Data, given); symbol != "" {
				r.Symbol, why = given, ""
			}
		} else if why == feed.BadSymbol {
			return Keyed{Why: why}, fmt.Errorf("%s:%d: the message does not say of which symbol it is, and the capture has %s: name it with --symbol",
				m.File, m.Line, map[bool]string{false: "none yet", true: "several"}[k.several])
		}
	}
	switch {
	case symbol != "":
		k.saw(symbol)
		r.Key = symbol
	case !why.Bad() && !k.all:
		return Keyed{Why: why, Unused: true}, nil
	default:
		if r.Key = k.given(m.URL); r.Key == "" {
			r.Key = connection(m.File)
		}
	}
	r.Why = why
	return r, nil
}

// decode returns the native symbol of a message; "" and why where it brings no event.
func (k *Keyer) decode(data []byte, symbol string) (native string, why feed.Reason) {
	k.value = feed.Record{Value: data}
	if symbol != "" {
		k.value.Key, k.value.Headers = []byte(symbol), []feed.Header{{Key: symbolHeader, Value: []byte(symbol)}}
	}
	for _, d := range k.decoders {
		k.batch.Reset()
		err := d.Decode(&k.batch, &k.value)
		if len(k.batch.Events) > 0 {
			return k.batch.Events[0].Symbol.Native, ""
		}
		if why = reason(err); why != feed.Unused {
			break
		}
	}
	return "", why
}

func reason(err error) feed.Reason {
	if why, ok := errors.AsType[feed.Reason](err); ok {
		return why
	}
	return feed.Ignored
}

// given is the symbol of a body that does not name its own: from the request's address, from the user,
// or because there is no other in this capture.
func (k *Keyer) given(url string) string {
	if s := capture.Symbol(url); s != "" {
		return s
	}
	if k.symbol != "" || k.several {
		return k.symbol
	}
	return k.only
}

func (k *Keyer) saw(symbol string) {
	if k.only == "" {
		k.only = symbol
	} else if k.only != symbol {
		k.several = true
	}
}
