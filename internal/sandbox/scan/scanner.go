package scan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Secret is a value that must not be found, under a name that may be shown.
type Secret struct {
	Name  string
	Value string
}

// Hit is a secret found. There is one per secret and place, however often and
// in however many forms it is there.
type Hit struct {
	Secret string // its name
	Form   string // the form found first
	Where  string
	Offset int64 // of the first find, in bytes
}

func (h Hit) String() string {
	return fmt.Sprintf("%s (%s) in %s at byte %d", h.Secret, h.Form, h.Where, h.Offset)
}

type pattern struct {
	secret string
	Form
}

// Scanner looks for secrets. Use New.
type Scanner struct {
	patterns map[uint64][]pattern // by their first eight bytes
	sieve    [1 << 10]uint64      // 65536 bits: may a pattern begin like this?
	longest  int
	ignored  []string
}

// New returns a scanner for some secrets. Equal values count once, under the
// name that came first.
func New(secrets ...Secret) *Scanner {
	s := &Scanner{patterns: map[uint64][]pattern{}}
	seen := map[string]bool{}
	for _, x := range secrets {
		if seen[x.Value] {
			continue
		}
		seen[x.Value] = true
		forms := Forms(x.Value)
		if len(forms) == 0 {
			s.ignored = append(s.ignored, x.Name)
		}
		for _, f := range forms {
			k := binary.LittleEndian.Uint64([]byte(f.Text))
			s.patterns[k] = append(s.patterns[k], pattern{x.Name, f})
			bit := mix(k)
			s.sieve[bit>>6] |= 1 << (bit & 63)
			s.longest = max(s.longest, len(f.Text))
		}
	}
	return s
}

// Ignored names the secrets that are too short to be looked for.
func (s *Scanner) Ignored() []string { return s.ignored }

// Bytes scans a piece of memory.
func (s *Scanner) Bytes(where string, b []byte) []Hit {
	f := finder{Scanner: s, where: where}
	f.scan(b, 0)
	return f.hits
}

// chunk is how much of a stream is held in memory at a time.
const chunk = 256 << 10

// Reader scans a stream to its end. After an error the hits so far are valid
// and the rest of the stream is not scanned.
func (s *Scanner) Reader(where string, r io.Reader) ([]Hit, error) {
	f := finder{Scanner: s, where: where}
	buf := make([]byte, chunk+s.longest)
	kept, offset := 0, int64(0)
	for {
		n, err := io.ReadFull(r, buf[kept:])
		n += kept
		f.scan(buf[:n], offset)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return f.hits, nil
		}
		if err != nil {
			return f.hits, fmt.Errorf("scanning %s: %w", where, err)
		}
		// What could be the beginning of a form is looked at again.
		kept = copy(buf, buf[n-min(s.longest, n):n])
		offset += int64(n - kept)
	}
}

// finder collects the hits of one place.
type finder struct {
	*Scanner
	where string
	hits  []Hit
	found map[string]bool
}

func (f *finder) scan(b []byte, offset int64) {
	if len(b) < MinPart {
		return
	}
	var k uint64
	for _, c := range b[:MinPart-1] {
		k = k>>8 | uint64(c)<<56
	}
	for i, c := range b[MinPart-1:] {
		k = k>>8 | uint64(c)<<56
		if bit := mix(k); f.sieve[bit>>6]&(1<<(bit&63)) != 0 {
			f.compare(b[i:], k, offset+int64(i))
		}
	}
}

func (f *finder) compare(b []byte, k uint64, at int64) {
	for _, p := range f.patterns[k] {
		if f.found[p.secret] || len(b) < len(p.Text) || string(b[:len(p.Text)]) != p.Text {
			continue
		}
		if f.found == nil {
			f.found = map[string]bool{}
		}
		f.found[p.secret] = true
		f.hits = append(f.hits, Hit{Secret: p.secret, Form: p.Name, Where: f.where, Offset: at})
	}
}

// mix spreads eight bytes over sixteen bits.
func mix(k uint64) uint16 { return uint16(k * 0x9e3779b97f4a7c15 >> 48) }
