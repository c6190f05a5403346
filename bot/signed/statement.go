package signed

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Act is what somebody wants. Acts are signed and stored: they are not renamed.
type Act string

// The acts.
const (
	Rotate    Act = "rotate"
	Emergency Act = "emergency"
	Rollback  Act = "rollback"
	Cancel    Act = "cancel"
	Retry     Act = "retry"
	Status    Act = "status"
	Approve   Act = "approve"
	Deny      Act = "deny"
	// The two yeses to a request about the vault.
	VaultClosed  Act = "vault-closed"
	VaultNotLeak Act = "vault-not-leak"
	// Override goes on without a proof that cannot be had.
	Override Act = "override"
)

// Decides reports acts that decide what waits for people, apart from those that
// ask.
func (a Act) Decides() bool {
	switch a {
	case Approve, Deny, VaultClosed, VaultNotLeak, Override:
		return true
	default:
		return false
	}
}

func (a Act) known() bool {
	switch a {
	case Rotate, Emergency, Rollback, Cancel, Retry, Status:
		return true
	default:
		return a.Decides()
	}
}

// Yes reports acts that approve.
func (a Act) Yes() bool { return a == Approve || a.vault() }

func (a Act) vault() bool { return a == VaultClosed || a == VaultNotLeak }

// reasoned reports acts that say why, or may.
func (a Act) reasoned() bool { return a == Deny || a == Override }

// Statement is what somebody signs. Its text is made of lines that people can
// read, in one order and one spelling, so that there is one text for one
// statement.
type Statement struct {
	Installation string
	Act          Act
	// Line is what follows the act, as people type it in Slack; of acts that ask.
	Line string
	// What a decision is about.
	Secret   string
	Rotation string // its id
	Batch    string // its id, in place of a secret and a rotation: one request about several
	Card     int
	Step     string // of a word in the place of a proof, which is on no card
	Plan     string // hash
	Evidence string // hash
	Reason   string // of a no, and of a word in the place of a proof

	Issued, Expires time.Time // whole seconds
	Nonce           string    // 32 hexadecimal digits
}

// MaxStatement bounds a statement's text, in bytes.
const MaxStatement = 8 << 10

const (
	heading = "rekey statement 1"
	// MaxField bounds what somebody says in a statement, in bytes.
	MaxField = 2000
)

// Namespace is what `ssh-keygen -Y sign -n` is given: a signature made for one
// installation is worth nothing at another.
func Namespace(installation string) string { return "rekey@" + installation }

// fresh fills when a statement is made, until when it can be taken, and what
// tells it from every other.
func (s Statement) fresh(now time.Time, life time.Duration) Statement {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	s.Nonce = hex.EncodeToString(raw)
	s.Issued = now.UTC().Truncate(time.Second)
	s.Expires = s.Issued.Add(life.Truncate(time.Second))
	return s
}

// field is one line of the text.
type field struct {
	name string
	text *string
}

// fields in their order. Numbers and times are texts of the caller's.
func (s *Statement) fields(act, card, issued, expires *string) []field {
	return []field{
		{"installation", &s.Installation}, {"act", act}, {"line", &s.Line}, {"secret", &s.Secret}, {"rotation", &s.Rotation},
		{"batch", &s.Batch}, {"card", card}, {"step", &s.Step}, {"plan", &s.Plan}, {"evidence", &s.Evidence}, {"reason", &s.Reason}, {"issued", issued}, {"expires", expires}, {"nonce", &s.Nonce},
	}
}

// Text is what is signed. Only a sound statement has one.
func (s Statement) Text() (string, error) {
	if err := s.sound(); err != nil {
		return "", fmt.Errorf("writing a statement: %w", err)
	}
	act, card, issued, expires := string(s.Act), "", s.Issued.UTC().Format(time.RFC3339), s.Expires.UTC().Format(time.RFC3339)
	if s.Card > 0 {
		card = strconv.Itoa(s.Card)
	}
	var b strings.Builder
	b.WriteString(heading + "\n")
	for _, f := range s.fields(&act, &card, &issued, &expires) {
		if *f.text != "" {
			b.WriteString(f.name + ": " + *f.text + "\n")
		}
	}
	return b.String(), nil
}

// Parse reads a statement's text. What is not exactly the text of a statement is
// refused.
func Parse(text string) (Statement, error) {
	s, err := parse(text)
	if err == nil {
		var again string
		if again, err = s.Text(); err == nil && again != text {
			err = errors.New("it is spelled otherwise than it should be")
		}
	}
	if err != nil {
		return Statement{}, fmt.Errorf("reading a statement: %w", err)
	}
	return s, nil
}

func parse(text string) (Statement, error) {
	var s Statement
	if len(text) > MaxStatement {
		return s, fmt.Errorf("it is longer than %d bytes", MaxStatement)
	}
	rest, is := strings.CutPrefix(text, heading+"\n")
	if !is {
		return s, errors.New("it does not begin as one of this version does")
	}
	var act, card, issued, expires string
	for _, f := range s.fields(&act, &card, &issued, &expires) {
		line, after, found := strings.Cut(rest, "\n")
		if value, mine := strings.CutPrefix(line, f.name+": "); found && mine {
			*f.text, rest = value, after
		}
	}
	if rest != "" {
		return s, errors.New("it holds a line that is not known, or not in its place")
	}
	s.Act = Act(act)
	var err error
	if s.Issued, err = time.Parse(time.RFC3339, issued); err == nil {
		s.Expires, err = time.Parse(time.RFC3339, expires)
	}
	if err == nil && card != "" {
		s.Card, err = strconv.Atoi(card)
	}
	if err != nil {
		return s, errors.New("a number or a time in it cannot be read")
	}
	return s, nil
}

var (
	hashForm  = regexp.MustCompile(`^[0-9a-f]{16,128}$`)
	idForm    = regexp.MustCompile(`^[a-z0-9]{1,32}$`)
	nameForm  = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)
	stepForm  = regexp.MustCompile(`^[a-z][a-z ]{0,30}(\([a-z]{1,20}\))?$`)
	nonceForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// sound says what is wrong with a statement.
func (s Statement) sound() error {
	for _, text := range []string{s.Line, s.Reason} {
		if !plain(text) {
			return errors.New("a text in it has characters that cannot be shown, or is too long")
		}
	}
	switch {
	case !s.Act.known():
		return errors.New("its act is not known")
	case !idForm.MatchString(s.Installation):
		return errors.New("it names no installation")
	case s.Issued.IsZero() || !s.Expires.After(s.Issued):
		return errors.New("it has no time in which it can be taken")
	case !nonceForm.MatchString(s.Nonce):
		return errors.New("it has no nonce")
	case s.Act.Decides():
		return s.decision()
	default:
		return s.question()
	}
}

func (s Statement) question() error {
	bare := Statement{Installation: s.Installation, Act: s.Act, Line: s.Line, Issued: s.Issued, Expires: s.Expires, Nonce: s.Nonce}
	switch {
	case s != bare:
		return errors.New("it decides a request, and its act does not")
	case s.Line == "" && s.Act != Status:
		return errors.New("it does not say for which secret")
	default:
		return nil
	}
}

func (s Statement) decision() error {
	switch {
	case s.Line != "" || s.Reason != "" && !s.Act.reasoned():
		return errors.New("it says more than a decision")
	case !hashForm.MatchString(s.Plan) || !hashForm.MatchString(s.Evidence):
		return errors.New("it names no plan, or no evidence")
	case s.Act == Override:
		return s.instead()
	case s.Step != "" || s.Card < 1:
		return errors.New("it names no request")
	case s.Batch != "":
		return s.together()
	default:
		return s.one()
	}
}

// one holds a decision about one rotation.
func (s Statement) one() error {
	if s.Batch != "" || !nameForm.MatchString(s.Secret) || !idForm.MatchString(s.Rotation) {
		return errors.New("it names no request")
	}
	return nil
}

// together holds a decision about one request for several rotations.
func (s Statement) together() error {
	if !idForm.MatchString(s.Batch) || s.Secret != "" || s.Rotation != "" || s.Act.vault() {
		return errors.New("it names no request")
	}
	return nil
}

// instead holds a word in the place of a proof.
func (s Statement) instead() error {
	switch {
	case s.Card != 0 || !stepForm.MatchString(s.Step):
		return errors.New("it names no step that stopped")
	case s.Reason == "":
		return errors.New("it gives no reason")
	default:
		return s.one()
	}
}

// plain reports a text of one line that shows as it is.
func plain(text string) bool {
	shown := !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
	return len(text) <= MaxField && utf8.ValidString(text) && shown && strings.TrimSpace(text) == text
}
