package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tapedeck/market"
	"tapedeck/wire"
)

// channelOf is the channel that an event is of. What is of the symbol itself (a status, a gap, facts) is of all.
func channelOf(e *market.Event) (c market.Channel, all bool) {
	switch e.Payload.(type) {
	case *market.Quote:
		return market.Quotes, false
	case *market.Book:
		return market.BookChannel, false
	case *market.Ticker:
		return market.TickerChannel, false
	case *market.Candle:
		return market.CandlesChannel, false
	case *market.Trade:
		return market.Trades, false
	default:
		return 0, true
	}
}

// bodyOf is what a room of the event's channel would be told of it; nil where it is of no channel.
func bodyOf(e *market.Event) market.Body {
	switch p := e.Payload.(type) {
	case *market.Trade:
		return &market.Tape{Trades: []market.Trade{*p}}
	case *market.Quote:
		return p
	case *market.Book:
		return p
	case *market.Ticker:
		return p
	case *market.Candle:
		return &market.Candles{List: []market.Candle{*p}}
	default:
		return nil
	}
}

// textOf is an event's body as clients are told it, in JSON; nil where it has none.
func textOf(e *market.Event) json.RawMessage {
	body := bodyOf(e)
	if body == nil {
		return nil
	}
	var m struct{ D json.RawMessage }
	if json.Unmarshal(wire.JSON.AppendUpdate(nil, &wire.Update{Room: "-", Seq: 1, N: 1, Body: body}), &m) != nil {
		return nil
	}
	return m.D
}

// tellEvent writes an event with the words of the wire.
func tellEvent(e *market.Event) string {
	channel, all := channelOf(e)
	text := fmt.Sprintf("%s:%s:%s", channel, e.Symbol.Venue, e.Symbol.Name)
	if all {
		text = "*" + strings.TrimPrefix(text, channel.String())
	}
	if e.Time != 0 {
		text += " " + time.UnixMicro(e.Time).UTC().Format("15:04:05.000000")
	}
	switch p := e.Payload.(type) {
	case *market.Status:
		return text + " " + p.State.String() + " " + p.Reason
	case *market.Gap:
		return text + " gap: something that the venue sent before this is missing"
	case *market.Instrument:
		return fmt.Sprintf("%s tick %s lot %s contract %s %s inverse %t", text, p.Tick, p.Lot, p.Contract, p.Currency, p.Inverse)
	case *market.Book:
		if p.Snapshot {
			text += " snapshot"
		}
		text += fmt.Sprintf(" first %d last %d prev %d", p.First, p.Last, p.Prev)
	default:
	}
	return text + " " + strings.Trim(string(textOf(e)), "[]")
}
