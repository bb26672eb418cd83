package wire

// Version of the protocol, told in hello.
const Version = 1

func (e *encoding) begin(dst []byte, t string) ([]byte, int) {
	dst, at := e.object(dst)
	return e.textField(dst, at, keyT, t), at
}

func (e *encoding) textField(dst []byte, at int, k key, s string) []byte {
	return e.text(e.key(dst, at, k), s)
}

func (e *encoding) intField(dst []byte, at int, k key, v int64) []byte {
	return e.integer(e.key(dst, at, k), v)
}

func (e *encoding) uintField(dst []byte, at int, k key, v uint64) []byte {
	return e.unsigned(e.key(dst, at, k), v)
}

func (e *encoding) boolField(dst []byte, at int, k key, v bool) []byte {
	return e.boolean(e.key(dst, at, k), v)
}

// textIf leaves an empty string out, as timeIf does with a time that is not known.
func (e *encoding) textIf(dst []byte, at int, k key, s string) []byte {
	if s == "" {
		return dst
	}
	return e.textField(dst, at, k, s)
}

func (e *encoding) timeIf(dst []byte, at int, k key, v int64) []byte {
	if v == 0 {
		return dst
	}
	return e.intField(dst, at, k, v)
}

func (e *encoding) countIf(dst []byte, at int, k key, v int64) []byte {
	if v == Unknown {
		return dst
	}
	return e.intField(dst, at, k, v)
}

func (e *encoding) idIf(dst []byte, at int, id ID) []byte {
	if id == nil {
		return dst
	}
	return e.id(e.key(dst, at, keyID), id)
}

func (e *encoding) texts(dst []byte, at int, k key, list []string) []byte {
	dst = e.array(e.key(dst, at, k), len(list))
	for i, s := range list {
		dst = e.text(e.item(dst, i), s)
	}
	return e.endArray(dst)
}

func (e *encoding) AppendHello(dst []byte, m *Hello) []byte {
	dst, at := e.begin(dst, "hello")
	dst = e.intField(dst, at, keyV, Version)
	dst = e.textField(dst, at, keyNode, m.Node)
	dst = e.textField(dst, at, keyConn, m.Conn)
	dst = e.intField(dst, at, keyTS, m.Time)
	dst = e.intField(dst, at, keyHeartbeat, m.Heartbeat)

	dst, limits := e.object(e.key(dst, at, keyLimits))
	dst = e.intField(dst, limits, keyRooms, int64(m.Rooms))
	dst = e.intField(dst, limits, keyCommandsPerSecond, int64(m.Commands))
	dst = e.intField(dst, limits, keyFrameBytes, int64(m.FrameBytes))
	dst = e.endObject(dst)

	dst = e.texts(dst, at, keyIntervals, m.Intervals)
	dst = e.texts(dst, at, keyDepths, m.Depths)
	dst = e.texts(dst, at, keyWidths, m.Widths)
	dst = e.intField(dst, at, keySnapshotTrades, int64(m.SnapshotTrades))
	dst = e.intField(dst, at, keySnapshotCandles, int64(m.SnapshotCandles))
	dst = e.textField(dst, at, keyTimeline, m.Timeline)
	return e.endObject(dst)
}

func (e *encoding) AppendOK(dst []byte, m *OK) []byte {
	dst, at := e.begin(dst, "ok")
	dst = e.idIf(dst, at, m.ID)
	dst = e.textField(dst, at, keyOp, m.Op)
	if m.Rooms != nil {
		dst = e.array(e.key(dst, at, keyRooms), len(m.Rooms))
		for i := range m.Rooms {
			dst = e.granted(e.item(dst, i), &m.Rooms[i])
		}
		dst = e.endArray(dst)
	}
	if m.HasLeft {
		dst = e.intField(dst, at, keyLeft, int64(m.Left))
	}
	dst = e.timeIf(dst, at, keyTS, m.Time)
	return e.endObject(dst)
}

func (e *encoding) granted(dst []byte, g *Granted) []byte {
	dst, at := e.object(dst)
	dst = e.textField(dst, at, keyRoom, g.Room)
	if g.Interval == "" { // unsubscribed
		return e.endObject(dst)
	}
	dst = e.textField(dst, at, keyState, g.State.String())
	dst = e.textField(dst, at, keyInterval, g.Interval)
	dst = e.textIf(dst, at, keyLimitedBy, g.LimitedBy)
	dst = e.textField(dst, at, keyOrigin, g.Origin)
	dst = e.textField(dst, at, keyLoss, g.Loss)
	dst = e.textField(dst, at, keyEpoch, g.Epoch)
	if g.HasRecovered {
		dst = e.boolField(dst, at, keyRecovered, g.Recovered)
	}
	if c := g.Counters; c != nil {
		dst = e.counters(e.key(dst, at, keyCounters), c)
	}
	return e.endObject(dst)
}

func (e *encoding) counters(dst []byte, c *Counters) []byte {
	dst, at := e.object(dst)
	dst = e.uintField(dst, at, keyUpdates, c.Updates)
	dst = e.uintField(dst, at, keyEvents, c.Events)
	dst = e.uintField(dst, at, keyFolded, c.Folded)
	dst = e.uintField(dst, at, keySnapshots, c.Snapshots)
	dst = e.uintField(dst, at, keyGaps, c.Gaps)
	return e.endObject(dst)
}

func (e *encoding) AppendError(dst []byte, m *Error) []byte {
	dst, at := e.begin(dst, "error")
	dst = e.idIf(dst, at, m.ID)
	dst = e.textField(dst, at, keyCode, string(m.Code))
	dst = e.textField(dst, at, keyMessage, m.Message)
	dst = e.textIf(dst, at, keyRoom, m.Room)
	dst = e.boolField(dst, at, keyRetry, m.Retry)
	dst = e.timeIf(dst, at, keyAfter, m.After)
	return e.endObject(dst)
}

func (e *encoding) AppendSnapshot(dst []byte, m *Snapshot) []byte {
	dst, at := e.begin(dst, "snapshot")
	dst = e.textField(dst, at, keyRoom, m.Room)
	dst = e.textField(dst, at, keyEpoch, m.Epoch)
	dst = e.uintField(dst, at, keySeq, m.Seq)
	dst = e.timeIf(dst, at, keyTS, m.Time)
	dst = e.timeIf(dst, at, keyVTS, m.VenueTime)
	if m.Partial {
		dst = e.boolField(dst, at, keyPartial, true)
	}
	dst = e.key(dst, at, keyBody)
	if m.Body == nil {
		dst = e.emptyBody(dst, m.Empty)
	} else {
		dst = e.body(dst, m.Body, false)
	}
	return e.endObject(dst)
}

func (e *encoding) AppendUpdate(dst []byte, m *Update) []byte {
	dst, at := e.begin(dst, "update")
	dst = e.textField(dst, at, keyRoom, m.Room)
	dst = e.uintField(dst, at, keyPrev, m.Prev)
	dst = e.uintField(dst, at, keySeq, m.Seq)
	dst = e.uintField(dst, at, keyN, m.N)
	dst = e.timeIf(dst, at, keyTS, m.Time)
	dst = e.timeIf(dst, at, keyVTS, m.VenueTime)
	dst = e.body(e.key(dst, at, keyBody), m.Body, true)
	return e.endObject(dst)
}

func (e *encoding) AppendGap(dst []byte, m *Gap) []byte {
	dst, at := e.begin(dst, "gap")
	dst = e.textField(dst, at, keyRoom, m.Room)
	dst = e.textField(dst, at, keyEpoch, m.Epoch)
	dst = e.uintField(dst, at, keyFrom, m.From)
	dst = e.uintField(dst, at, keyTo, m.To)
	dst = e.countIf(dst, at, keyN, m.N)
	dst = e.countIf(dst, at, keyRecords, m.Records)
	dst = e.textField(dst, at, keyReason, string(m.Reason))
	return e.endObject(dst)
}

func (e *encoding) AppendStatus(dst []byte, m *Status) []byte {
	dst, at := e.begin(dst, "status")
	dst = e.textIf(dst, at, keyRoom, m.Room)
	dst = e.textField(dst, at, keyState, m.State)
	dst = e.textIf(dst, at, keyReason, m.Reason)
	dst = e.timeIf(dst, at, keyTS, m.Time)
	dst = e.timeIf(dst, at, keyBehind, m.Behind)
	if m.Hash != "" {
		dst = e.uintField(dst, at, keyEntries, m.Entries)
		dst = e.textField(dst, at, keyHash, m.Hash)
	}
	return e.endObject(dst)
}

func (e *encoding) AppendHeartbeat(dst []byte, m *Heartbeat) []byte {
	dst, at := e.begin(dst, "heartbeat")
	dst = e.intField(dst, at, keyTS, m.Time)
	dst = e.intField(dst, at, keyLag, m.Lag)
	dst = e.array(e.key(dst, at, keyRooms), len(m.Rooms))
	for i := range m.Rooms {
		dst = e.health(e.item(dst, i), &m.Rooms[i])
	}
	return e.endObject(e.endArray(dst))
}

func (e *encoding) health(dst []byte, r *RoomHealth) []byte {
	dst, at := e.object(dst)
	dst = e.textField(dst, at, keyRoom, r.Room)
	dst = e.textField(dst, at, keyState, r.State.String())
	dst = e.countIf(dst, at, keyAge, r.Age)
	return e.endObject(dst)
}

func (e *encoding) AppendBye(dst []byte, m *Bye) []byte {
	dst, at := e.begin(dst, "bye")
	dst = e.textField(dst, at, keyReason, m.Reason)
	dst = e.boolField(dst, at, keyReconnect, m.Reconnect)
	dst = e.intField(dst, at, keyAfter, m.After)
	return e.endObject(dst)
}
