package config

import (
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// scalar fills a field of one value and holds it against its tags.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, t tags, at string) {
	if n.Kind != yaml.ScalarNode {
		d.sayAt(n.Line, at, "one value is expected here", "it on the same line as the key")
		return
	}
	if f := forms[t.form]; f.public && f.objection(n.Value) == "" {
		d.tell(n) // nothing to complain of
	} else if looksSecret(n.Value) {
		return // scan says so, and says nothing else of it
	}
	read := reflect.New(v.Type()).Elem()
	switch why, f := parse(n.Value, read), forms[t.form]; {
	case why != "":
		d.sayAt(n.Line, at, shown(n.Value)+" is "+why, example(v))
	case v.Kind() == reflect.String && f.objection(n.Value) != "":
		d.sayAt(n.Line, at, f.objection(n.Value), f.example)
	case tooSmall(read, t.least):
		d.sayAt(n.Line, at, shown(n.Value)+" is too small", "at least "+orElse(t.least, "0"))
	default:
		v.Set(read)
	}
}

// parse sets v from its text, or says what the text is instead of a value.
func parse(text string, v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		d, ok := duration(text)
		if !ok {
			return "not a length of time"
		}
		v.SetInt(int64(d))
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return "neither true nor false"
		}
		v.SetBool(text == "true")
	case v.Kind() == reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return "not a whole number"
		}
		v.SetInt(n)
	case v.Kind() == reflect.Float64:
		f, ok := number(text)
		if !ok {
			return "not a number"
		}
		v.SetFloat(f)
	}
	return ""
}

func example(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return "a length such as 90s, 15m, 24h or 90d"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.Kind() == reflect.Float64:
		return "a number such as 20, or a share such as 80%"
	default:
		return "a whole number such as 3"
	}
}

// tooSmall holds a number or length against its least, 0 where none is tagged.
func tooSmall(v reflect.Value, least string) bool {
	limit := reflect.New(v.Type()).Elem()
	if least != "" {
		if why := parse(least, limit); why != "" {
			panic("a least value: " + why) // unreachable unless a tag is wrong
		}
	}
	return v.CanInt() && v.Int() < limit.Int() || v.CanFloat() && v.Float() < limit.Float()
}

var days = regexp.MustCompile(`^(\d{1,6})d(.*)$`)

const maxDays = 36500

// duration reads Go's form with days before it: "90d", "1d12h", "15m".
func duration(text string) (time.Duration, bool) {
	var whole time.Duration
	if m := days.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n > maxDays {
			return 0, false
		}
		whole, text = time.Duration(n)*24*time.Hour, m[2]
		if text == "" {
			return whole, true
		}
	}
	rest, err := time.ParseDuration(text)
	if err != nil || rest < 0 && whole > 0 || rest > maxDays*24*time.Hour {
		return 0, false
	}
	return whole + rest, true
}

// number reads a number or a percentage. Not-a-number and infinities are no
// numbers.
func number(text string) (float64, bool) {
	digits, percent := strings.CutSuffix(text, "%")
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, false
	}
	if percent {
		f /= 100
	}
	return f, true
}
