package publish

import (
	"errors"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/market"
)

// keyer finds the key of each message: the native symbol that the feed's decoder reads in it, or for
// formats of scope connection the capture's name, since there a connection must stay whole.
type keyer struct {
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

func newKeyer(f *feed.Format, symbol string, all bool) *keyer {
	single, aggregated := feed.DefaultOptions(), feed.DefaultOptions()
	aggregated.Trades = "aggTrade"
	return &keyer{
		decoders: []feed.Decoder{f.New(single), f.New(aggregated)},
		scope:    f.Scope, symbol: symbol, all: all,
	}
}

// key fills in a record's key and symbol. It returns the reason where the decoder refused the message,
// which is sent nevertheless: what is wrong with it is for its readers to say. send is false for what
// carries no market data.
func (k *keyer) key(m *capture.Message, r *record) (why feed.Reason, send bool, err error) {
	if name := capture.Session(m.File); name != k.capture {
		k.capture, k.only, k.several = name, "", false
	}
	if k.scope == feed.ScopeConnection {
		r.key, r.symbol = connection(m.File), capture.Symbol(m.URL)
		return "", true, nil
	}
	symbol, why := k.decode(m.Data, "")
	if symbol == "" && why.Bad() {
		if given := k.given(m.URL); given != "" {
			if symbol, _ = k.decode(m.Data, given); symbol != "" {
				r.symbol, why = given, ""
			}
		} else if why == feed.BadSymbol {
			return why, false, fmt.Errorf("%s:%d: the message does not say of which symbol it is, and the capture has %s: name it with --symbol",
				m.File, m.Line, map[bool]string{false: "none yet", true: "several"}[k.several])
		}
	}
	switch {
	case symbol != "":
		k.saw(symbol)
		r.key = symbol
	case !why.Bad() && !k.all:
		return why, false, nil
	default:
		if r.key = k.given(m.URL); r.key == "" {
			r.key = connection(m.File)
		}
	}
	return why, true, nil
}

// decode returns the native symbol of a message; "" and why where it brings no event.
func (k *keyer) decode(data []byte, symbol string) (native string, why feed.Reason) {
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
func (k *keyer) given(url string) string {
	if s := capture.Symbol(url); s != "" {
		return s
	}
	if k.symbol != "" || k.several {
		return k.symbol
	}
	return k.only
}

func (k *keyer) saw(symbol string) {
	if k.only == "" {
		k.only = symbol
	} else if k.only != symbol {
		k.several = true
	}
}
