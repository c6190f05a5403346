package redis

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/state"
)

// FuzzDecodeRecord feeds fields as they might stand in a hash. Either the
// error names the key, or writing the record again gives the same fields.
func FuzzDecodeRecord(f *testing.F) {
	f.Add("1", "1", "0", "body")
	f.Add("9007199254740993", "0", "1790000000123", "")
	f.Add("0", "1", "0", "")
	f.Add("+1", "1", "00", "")
	f.Add("1", "true", "-5", "\x00\xff")
	f.Add("1e3", "1", "1.5", "")
	f.Add("99999999999999999999", "1", "9223372036854775807", "")
	f.Fuzz(func(t *testing.T, revision, open, timer, body string) {
		r, err := decodeRecord("the-key", "rotation/a", []string{revision, open, timer, body})
		if err != nil {
			if !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "key the-key:") {
				t.Errorf("the error does not name the key: %v", err)
			}
			return
		}
		openField := "0"
		if r.Open {
			openField = "1"
		}
		again := []string{
			strconv.FormatInt(r.Revision, 10), openField, strconv.FormatInt(millis(r.Timer), 10), string(r.Body),
		}
		if diff := cmp.Diff([]string{revision, open, timer, body}, again); diff != "" {
			t.Errorf("what was read is not what would be written (-stored +written):\n%s", diff)
		}
	})
}

// FuzzDecodeEvent does the same for an element of a journal.
func FuzzDecodeEvent(f *testing.F) {
	f.Add("Pbody")
	f.Add("-")
	f.Add("")
	f.Add("xbody")
	f.Fuzz(func(t *testing.T, stored string) {
		e, err := decodeEvent("the-key", 7, stored)
		if err != nil {
			if !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "key the-key:") {
				t.Errorf("the error does not name the key: %v", err)
			}
			return
		}
		again := appendEvents(nil, []state.Event{e})
		if written, ok := again[0].([]byte); !ok || string(written) != stored {
			t.Errorf("%q would be written as %q", stored, again[0])
		}
	})
}

// FuzzMeaning feeds answers of scripts: any answer is a result or an error.
func FuzzMeaning(f *testing.F) {
	for _, word := range []string{"OK", "LOST", "HELD", "CONFLICT", "MISSING", "EXISTS", "TAKEN", "FULL", "CLOSED", "BAD", "", "ok"} {
		f.Add(word, "", "")
		f.Add(word, "7 replica-1", "rotation/a")
	}
	f.Fuzz(func(t *testing.T, word, first, second string) {
		for _, answer := range [][]string{{word, first, second}, {word}} {
			got, err := meaning(answer)
			if (err == nil) != (word == "OK") {
				t.Errorf("%q means %v and %v", answer, got, err)
			}
		}
		if _, err := meaning(nil); err == nil {
			t.Error("no answer at all means something")
		}
	})
}

func TestMillis(t *testing.T) {
	for _, c := range []struct {
		at   time.Time
		want int64
	}{
		{time.Time{}, 0},
		{time.UnixMilli(5), 5},
		{time.UnixMilli(5).Add(time.Millisecond - 1), 5},
		{time.Unix(0, 0), 1}, // 0 would be no timer at all
		{time.Unix(-9, 0), 1},
	} {
		if got := millis(c.at); got != c.want {
			t.Errorf("%v is stored as %d, want %d", c.at, got, c.want)
		}
	}
}
