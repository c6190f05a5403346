package chat

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What was taken and cannot be answered any more because Rekey ends is told so.
func TestCommandsThatStillWaitAtTheEndAreToldSo(t *testing.T) {
	l := newLive(t, func(c *Config) { c.Workers = 1 })
	l.echo.hold, l.echo.came = make(chan struct{}), make(chan struct{}, 1)
	l.run(t)
	const all = 10
	for i := range all {
		l.line.send(t, fmt.Sprintf("e%d", i), "slash_commands", slash(l, "/rotate", ""))
	}
	l.slack.await(t, "all acknowledged", func() bool { return len(l.line.acks) == all })
	<-l.echo.came // acknowledged is not yet taken up
	l.cancel()
	l.slack.await(t, "every one is answered", func() bool { return len(l.slack.answers) == all })
	told := 0
	for _, answer := range l.slack.answers {
		if strings.Contains(answer, "was not carried out") {
			told++
		}
	}
	if told != all-1 { // one was being answered
		t.Errorf("%d of %d are told: %v", told, all, l.slack.answers)
	}
}

// A command that took all its time is answered all the same.
func TestACommandThatTookTooLongIsAnswered(t *testing.T) {
	l := newLive(t, func(c *Config) { c.AnswerTimeout = time.Millisecond })
	l.echo.hold = make(chan struct{}) // the answerer gives up with its context
	l.run(t)
	l.line.send(t, "e1", "slash_commands", slash(l, "/rotate", ""))
	l.slack.await(t, "answered", func() bool { return len(l.slack.answers) == 1 })
}
