package commands

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/rotation"
)

// verb is what a person wants.
type verb string

const (
	list   verb = "list"
	start  verb = "start"
	plan   verb = "plan"
	status verb = "status"
	cancel verb = "cancel"
	retry  verb = "retry"
	snooze verb = "snooze"
	wake   verb = "unsnooze"
	help   verb = "help"
	doctor verb = "doctor"
	back   verb = "rollback"
	later  verb = "later" // known, and not in this version

	callOff verb = "cancel all" // of a batch
)

// verbs are the words people may type, with what they mean.
var verbs = map[string]verb{
	"list": list, "status": status, "cancel": cancel, "retry": retry, "help": help,
	"snooze": snooze, "unsnooze": wake,
	"history": later, "rollback": back, "doctor": doctor,
}

// ask is an understood request.
type ask struct {
	verb verb
	name string        // of a configured secret, "" where the verb stands alone
	word string        // the typed verb, one of verbs; for later. The tag; for callOff
	span time.Duration // how long; for snooze
}

// vocabulary is what words can mean here.
type vocabulary struct {
	names   []string // configured secrets
	unknown []string // of the catalogue, not configured here
}

// misfit is why a line was not understood: sentences for people that repeat
// nothing of the line but known names.
type misfit struct {
	what string // what is wrong
	hint string // what to do instead
}

// parse understands a line after `/rotate`. It returns a misfit or an ask,
// never both.
//
//	line = [ verb [ NAME ] ] | "snooze" NAME span | "cancel" ( "all" | "tag:X" ) | NAME [ "--plan" ]
func (v vocabulary) parse(text string) (ask, *misfit) {
	words, flags := split(text)
	planned, m := readFlags(flags)
	if m != nil {
		return ask{}, m
	}
	if len(words) == 0 {
		if planned {
			return ask{}, &misfit{"`--plan` needs to know for which secret.", "Try `/rotate NAME --plan`."}
		}
		return ask{verb: list}, nil
	}
	if known, ok := verbs[strings.ToLower(words[0])]; ok {
		return v.parseVerb(known, words, planned)
	}
	return v.parseName(words, planned)
}

// alone reports the verbs that no name follows.
func (v verb) alone() bool { return v == help || v == list || v == doctor }

// parseVerb reads what follows a verb.
func (v vocabulary) parseVerb(known verb, words []string, planned bool) (ask, *misfit) {
	word := strings.ToLower(words[0])
	switch {
	case known == later:
		return ask{verb: later, word: word}, nil
	case planned:
		return ask{}, &misfit{"`--plan` goes with the name of a secret only.", "Try `/rotate NAME --plan`."}
	case known == snooze && len(words) > 1:
		return v.parseSnooze(words)
	case known.alone() && len(words) == 1:
		return ask{verb: known}, nil
	case known == help:
		return ask{verb: help}, nil
	case known.alone() || len(words) > 2: // help was dealt with above
		return ask{}, &misfit{"That is more than `" + word + "` can use.", "Try " + usage[known] + "."}
	case len(words) == 1 && known != status:
		return ask{}, &misfit{"`" + word + "` needs the name of a secret.", "Try " + usage[known] + "."}
	case len(words) == 1:
		return ask{verb: known}, nil
	}
	if tag, many := several(words[1]); many && known == cancel {
		return ask{verb: callOff, word: tag}, nil
	}
	name, m := v.resolve(words[1])
	return ask{verb: known, name: name}, m
}

// parseSnooze reads a name and a length of time.
func (v vocabulary) parseSnooze(words []string) (ask, *misfit) {
	name, m := v.resolve(words[1])
	if m != nil {
		return ask{}, m
	}
	span, ok := readSpan(strings.Join(words[2:], ""))
	switch {
	case len(words) == 2:
		return ask{}, &misfit{"`snooze` needs to know for how long.", "Try `/rotate snooze " + name + " 7d`."}
	case !ok:
		return ask{}, &misfit{"That is not 1 to 30 days.", "Try `/rotate snooze " + name + " 7d`, or `2w` for weeks."}
	}
	return ask{verb: snooze, name: name, span: span}, nil
}

var spanForm = regexp.MustCompile(`^(?i)([1-9][0-9]?)(d|days?|w|weeks?)$`)

// readSpan reads days or weeks, as long as a snooze may be.
func readSpan(text string) (time.Duration, bool) {
	m := spanForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	if strings.HasPrefix(strings.ToLower(m[2]), "w") {
		n *= 7
	}
	span := time.Duration(n) * 24 * time.Hour
	return span, err == nil && span <= rotation.LongestSnooze
}

// parseName reads a line that begins with a name.
func (v vocabulary) parseName(words []string, planned bool) (ask, *misfit) {
	name, m := v.resolve(words[0])
	if m != nil {
		if near := nearest(words[0], verbWords()); near != "" && nearest(words[0], v.names) == "" {
			m = &misfit{"That is neither a secret configured here nor a command.", "Did you mean `/rotate " + near + "`?"}
		}
		return ask{}, m
	}
	switch {
	case len(words) == 1 && planned:
		return ask{verb: plan, name: name}, nil
	case len(words) == 1:
		return ask{verb: start, name: name}, nil
	}
	if swapped := strings.ToLower(words[1]); len(words) == 2 && !planned && verbs[swapped] != "" {
		return ask{}, &misfit{"The command comes before the name.", "Try `/rotate " + swapped + " " + name + "`."}
	}
	return ask{}, &misfit{"One secret at a time, and nothing after its name but `--plan`.", "Try `/rotate " + name + "`."}
}

// resolve finds the configured secret that a word names, in any case.
func (v vocabulary) resolve(word string) (string, *misfit) {
	for _, name := range v.names {
		if fold(name) == fold(word) {
			return name, nil
		}
	}
	for _, name := range v.unknown {
		if fold(name) == fold(word) {
			return "", &misfit{name + " is known to Rekey but not configured here.", "Add it to the configuration, or see `/rotate` for what is."}
		}
	}
	m := &misfit{what: "There is no secret with that name here.", hint: "`/rotate` lists those there are."}
	if near := nearest(word, v.names); near != "" {
		m.hint = "Did you mean `" + near + "`?"
	}
	return "", m
}

func verbWords() []string {
	words := make([]string, 0, len(verbs))
	for w := range verbs {
		words = append(words, w)
	}
	slices.Sort(words)
	return words
}

// quotes are what people put around a word, or behind it.
const quotes = "`'\"“”‘’*,;"

// split separates words from flags. Quotes, backticks and the dashes that
// telephones make of "--" are forgiven.
func split(text string) (words, flags []string) {
	for word := range strings.FieldsSeq(visible(text)) {
		word = strings.Trim(word, quotes)
		if dashed, ok := strings.CutPrefix(word, "—"); ok {
			word = "--" + dashed
		} else if dashed, ok := strings.CutPrefix(word, "–"); ok {
			word = "--" + dashed
		}
		switch {
		case word == "":
		case strings.HasPrefix(word, "-"):
			flags = append(flags, word)
		default:
			words = append(words, word)
		}
	}
	return words, flags
}

func readFlags(flags []string) (planned bool, m *misfit) {
	for _, f := range flags {
		if strings.ToLower(strings.TrimLeft(f, "-")) != "plan" {
			return false, &misfit{"There is no such flag, and none that skips a check. The only flag is `--plan`.", "Try `/rotate NAME --plan`."}
		}
		planned = true
	}
	return planned, nil
}
