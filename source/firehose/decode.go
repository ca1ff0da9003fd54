package firehose

import (
	"bytes"

	"github.com/segmentio/asm/base64"

	"github.com/hydrant-dev/hydrant/buffer"
)

// put is a decoded PutRecord or PutRecordBatch. Records beyond a limit are
// counted and not kept: such a request is refused as a whole, but only after
// it was read to its end, since an answer about its form comes first.
type put struct {
	name    []byte // in the body
	hasName bool
	present bool // Record or Records was there and not null
	entries buffer.Entries

	records  int
	bytes    int  // of all records, kept or not
	nullAt   int  // number, from 1, of the first null record; 0: none
	noDataAt int  // number of the first record without Data
	largeAt  int  // number of the first record that is too large
	skipping bool // a limit is exceeded, nothing more is kept
}

// decode reads the body of a PutRecord or, if batch, a PutRecordBatch. It
// owns body, changes it and keeps a view of it.
func (p *put) decode(body []byte, batch bool) error {
	p.name, p.hasName, p.present = nil, false, false
	p.restart()
	// Base64 decodes to three quarters of its length, so whatever the body
	// holds fits and no record needs a check.
	if need := len(body)/4*3 + 64; cap(p.entries.Data) < need {
		p.entries.Data = make([]byte, 0, need)
	}
	s := scanner{b: body}
	if err := s.open('{', "expected an object"); err != nil {
		return err
	}
	for first := true; ; first = false {
		name, more, err := s.member(first)
		if err != nil {
			return err
		}
		if !more {
			return s.end()
		}
		switch {
		case string(name) == "DeliveryStreamName":
			p.name, p.hasName, err = s.stringMember("DeliveryStreamName")
		case batch && string(name) == "Records":
			err = p.list(&s)
		case !batch && string(name) == "Record":
			p.restart()
			if p.present = !s.null(); p.present {
				err = p.record(&s)
			}
		default:
			err = s.skip(1)
		}
		if err != nil {
			return err
		}
	}
}

// restart forgets records: a member that comes twice counts the second time.
func (p *put) restart() {
	p.entries.Reset()
	p.records, p.bytes, p.nullAt, p.noDataAt, p.largeAt, p.skipping = 0, 0, 0, 0, 0, false
}

func (p *put) list(s *scanner) error {
	p.restart()
	if p.present = !s.null(); !p.present {
		return nil
	}
	if err := s.open('[', "Records must be a list"); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.element(first)
		if err != nil || !more {
			return err
		}
		if s.peek() == 'n' && s.null() {
			p.records++
			p.skipping = true
			if p.nullAt == 0 {
				p.nullAt = p.records
			}
			continue
		}
		if err := p.record(s); err != nil {
			return err
		}
	}
}

func (p *put) record(s *scanner) error {
	p.records++
	if p.records > maxRecords {
		p.skipping = true
	}
	start, size, has := len(p.entries.Data), 0, false
	if err := s.open('{', "a record must be an object"); err != nil {
		return err
	}
	for first := true; ; first = false {
		name, more, err := s.member(first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if string(name) != "Data" {
			if err := s.skip(3); err != nil {
				return err
			}
			continue
		}
		p.entries.Data = p.entries.Data[:start]
		if size, has = 0, !s.null(); has {
			if size, err = p.data(s); err != nil {
				return err
			}
		}
	}
	p.bytes += size
	switch {
	case !has:
		p.skipping = true
		if p.noDataAt == 0 {
			p.noDataAt = p.records
		}
	case size > maxRecord:
		p.skipping = true
		if p.largeAt == 0 {
			p.largeAt = p.records
		}
	case p.bytes > maxBatch:
		p.skipping = true
	}
	if p.skipping {
		p.entries.Data = p.entries.Data[:start]
		return nil
	}
	p.entries.End()
	return nil
}

// data decodes the string that follows onto the entries, as encoding/json
// decodes a []byte, and returns its length.
//
// The usual string has no escapes and is decoded without another look at it:
// a backslash is no base64, and a raw line break, which base64 decoders leave
// out but JSON forbids, shows as a wrong length. Either way the careful path
// decides.
func (p *put) data(s *scanner) (int, error) {
	if s.peek() != '"' {
		return 0, s.fail("Data must be a base64 string")
	}
	at := s.i
	rest := s.b[s.i+1:]
	n := bytes.IndexByte(rest, '"')
	if n > 0 && n%4 == 0 {
		want := n / 4 * 3
		if rest[n-1] == '=' {
			want--
			if rest[n-2] == '=' {
				want--
			}
		}
		if got, err := p.decode64(rest[:n]); err == nil && got == want {
			s.i += n + 2
			return got, nil
		}
	}
	text, err := s.text()
	if err != nil {
		return 0, err
	}
	got, err := p.decode64(text)
	if err != nil {
		s.i = at
		return 0, s.fail("Data is not valid base64")
	}
	return got, nil
}

func (p *put) decode64(text []byte) (int, error) {
	d := p.entries.Data
	n, err := base64.StdEncoding.Decode(d[len(d):cap(d)], text)
	if err == nil {
		p.entries.Data = d[:len(d)+n]
	}
	return n, err
}
