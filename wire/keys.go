package wire

import "tapedeck/market"

// key is the name of a field. An encoding holds every key ready in its encoded form (see encodeKeys).
type key uint8

// The fields of messages and bodies.
const (
	keyT key = iota
	keyAfter
	keyAge
	keyAsk
	keyAskQty
	keyAsks
	keyBehind
	keyBid
	keyBidQty
	keyBids
	keyBody
	keyClose
	keyCode
	keyCommandsPerSecond
	keyConn
	keyCounters
	keyDepths
	keyEntries
	keyEpoch
	keyEvents
	keyFinal
	keyFolded
	keyFrameBytes
	keyFrom
	keyGaps
	keyHash
	keyHeartbeat
	keyHigh
	keyID
	keyInterval
	keyIntervals
	keyLag
	keyLeft
	keyLimitedBy
	keyLimits
	keyLoss
	keyLow
	keyMessage
	keyN
	keyNode
	keyOp
	keyOpen
	keyOrigin
	keyPartial
	keyPrev
	keyPrice
	keyQty
	keyReason
	keyReconnect
	keyRecords
	keyRecovered
	keyRetry
	keyRev
	keyRoom
	keyRooms
	keySeq
	keySide
	keySnapshotCandles
	keySnapshotTrades
	keySnapshots
	keyStart
	keyState
	keyTS
	keyTimeline
	keyTo
	keyUpdates
	keyV
	keyVTS
	keyVWAP
	keyWidths
	keyTicker // the first of the keys of a ticker's fields
)

const numKeys = int(keyTicker) + market.NumFields

var keyNames = [keyTicker]string{
	keyT:                 "t",
	keyAfter:             "after",
	keyAge:               "age",
	keyAsk:               "ask",
	keyAskQty:            "askQty",
	keyAsks:              "asks",
	keyBehind:            "behind",
	keyBid:               "bid",
	keyBidQty:            "bidQty",
	keyBids:              "bids",
	keyBody:              "d",
	keyClose:             "c",
	keyCode:              "code",
	keyCommandsPerSecond: "commandsPerSecond",
	keyConn:              "conn",
	keyCounters:          "counters",
	keyDepths:            "depths",
	keyEntries:           "entries",
	keyEpoch:             "epoch",
	keyEvents:            "events",
	keyFinal:             "final",
	keyFolded:            "folded",
	keyFrameBytes:        "frameBytes",
	keyFrom:              "from",
	keyGaps:              "gaps",
	keyHash:              "hash",
	keyHeartbeat:         "heartbeat",
	keyHigh:              "h",
	keyID:                "id",
	keyInterval:          "interval",
	keyIntervals:         "intervals",
	keyLag:               "lag",
	keyLeft:              "left",
	keyLimitedBy:         "limitedBy",
	keyLimits:            "limits",
	keyLoss:              "loss",
	keyLow:               "l",
	keyMessage:           "message",
	keyN:                 "n",
	keyNode:              "node",
	keyOp:                "op",
	keyOpen:              "o",
	keyOrigin:            "origin",
	keyPartial:           "partial",
	keyPrev:              "prev",
	keyPrice:             "px",
	keyQty:               "qty",
	keyReason:            "reason",
	keyReconnect:         "reconnect",
	keyRecords:           "records",
	keyRecovered:         "recovered",
	keyRetry:             "retry",
	keyRev:               "rev",
	keyRoom:              "room",
	keyRooms:             "rooms",
	keySeq:               "seq",
	keySide:              "side",
	keySnapshotCandles:   "snapshotCandles",
	keySnapshotTrades:    "snapshotTrades",
	keySnapshots:         "snapshots",
	keyStart:             "start",
	keyState:             "state",
	keyTS:                "ts",
	keyTimeline:          "timeline",
	keyTo:                "to",
	keyUpdates:           "updates",
	keyV:                 "v",
	keyVTS:               "vts",
	keyVWAP:              "vwap",
	keyWidths:            "widths",
}

// encodeKeys returns the encoded form of every key.
func encodeKeys(encode func(name string) string) (keys [numKeys]string) {
	for k, name := range keyNames {
		keys[k] = encode(name)
	}
	for f := range market.Field(market.NumFields) {
		keys[int(keyTicker)+int(f)] = encode(f.String())
	}
	return keys
}
