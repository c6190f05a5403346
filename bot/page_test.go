//go:build !release

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"rekey/internal/sandbox"
)

// browserPatience bounds everything one browser does in a test.
const browserPatience = 2 * time.Minute

// visitor is a person with a browser at the sandbox's page.
type visitor struct {
	*scene
	ctx    context.Context
	photos string // folder
}

// visit opens the page in a browser of its own. Without one the test is
// skipped, unless tools are required.
func (s *scene) visit() *visitor {
	s.Helper()
	program, err := exec.LookPath("chromium")
	switch {
	case err != nil && os.Getenv("REKEY_REQUIRE_TOOLS") == "1":
		s.Fatal("the browser test needs chromium, which is not installed")
	case err != nil:
		s.Skip("the browser test needs chromium, which is not installed")
	}
	folder, err := os.MkdirTemp("", "rekey-browser-")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = os.RemoveAll(folder) }) // the browser's last children may still write
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(folder),
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
		"disable-background-timer-throttling", "disable-renderer-backgrounding",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, cancel := context.WithTimeout(s.ctx, browserPatience)
	s.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	s.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	s.Cleanup(cancel)
	v := &visitor{scene: s, ctx: ctx, photos: os.Getenv("REKEY_SCREENSHOTS")}
	if v.photos == "" {
		v.photos = s.TempDir()
	}
	v.do(chromedp.EmulateViewport(1440, 900))
	v.listen(cancel)
	v.do(chromedp.Navigate(s.world.Endpoints().Control), chromedp.WaitVisible(chromedp.CSS(".person")))
	return v
}

// listen fails the test for whatever the browser complains about: an exception,
// a breach of the page's own security policy, a file that is not there.
func (v *visitor) listen(leave func()) {
	said := chromedp.Console(v.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range said {
			if err != nil {
				return // the browser has ended
			}
			refused := strings.Contains(m.Text, "status of 400") // a person was, and is told so
			if (m.Type == "error" || m.IsException()) && !refused {
				v.Errorf("the browser says: %s", m)
			}
		}
	}()
	v.Cleanup(func() { leave(); <-done })
}

func (v *visitor) do(actions ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	if err := chromedp.Do(v.ctx, actions...); err != nil {
		v.Fatalf("in the browser: %v", err)
	}
}

// sees waits until an expression holds in the page, which it asks again at
// every change of the document.
func (v *visitor) sees(what, expression string) {
	v.Helper()
	script := fmt.Sprintf(`new Promise((done) => {
		const look = () => { if (%s) { watch.disconnect(); done(true); } };
		const watch = new MutationObserver(look);
		watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		look();
	})`, expression)
	if _, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise)); err != nil {
		v.photograph("failed")
		v.Fatalf("waiting to see %s: %v", what, err)
	}
}

// reads waits for a text within an element.
func (v *visitor) reads(selector, text string) {
	v.Helper()
	v.sees(fmt.Sprintf("%q in %s", text, selector), fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.textContent.includes(%q))", selector, text))
}

func (v *visitor) becomes(person string) {
	v.Helper()
	input := chromedp.CSS(`.person input[value="` + person + `"]`)
	v.do(chromedp.Click(input), chromedp.WaitReady(input+":checked"))
}

func (v *visitor) types(text string) {
	v.Helper()
	v.do(chromedp.SendKeys(chromedp.CSS("#say"), text))
}

// card is the request for approval in the open thread.
const card = `#thread-list .message:has([data-emoji="white_check_mark"]):has([data-emoji="x"])`

func (v *visitor) clicks(emoji string) {
	v.Helper()
	v.do(chromedp.Click(chromedp.CSS(card + ` [data-emoji="` + emoji + `"]`)))
}

// photograph keeps a picture of the window.
func (v *visitor) photograph(name string, before ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	v.do(before...)
	picture, err := chromedp.Run(v.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		v.Fatalf("in the browser: %v", err)
	}
	if err := os.WriteFile(filepath.Join(v.photos, name+".png"), picture, 0o600); err != nil {
		v.Fatal(err)
	}
}

func scheme(name string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return chromedp.Void{}, err
	}
}

// TestPage plays the whole story as a person with a browser does.
func TestPage(t *testing.T) {
	t.Parallel()
	v := open(t, sandboxOptions{speed: 2}).visit()
	v.photograph("empty")

	v.types("/rot")
	v.sees("the completion", `document.querySelectorAll("#choices:not([hidden]) li").length > 4`)
	v.photograph("completion")
	v.types("ate FAL_KEY\r")
	v.reads("#channel-list .private", "started")
	v.do(chromedp.Click(chromedp.CSS(".to-thread")))
	v.reads("#thread-list", "Looked first")

	v.do(chromedp.WaitVisible(chromedp.CSS(card)))
	v.sees("instances on the new key", `document.querySelectorAll(".instance.new").length === 4`)
	v.photograph("card")

	v.becomes(sandbox.Guest)
	v.clicks("white_check_mark")
	v.reads("#thread-list .private, #channel-list .private", "guest")
	v.photograph("guest")
	v.kept()

	v.becomes(sandbox.Approver)
	v.sees("nothing that only the guest may see", `!document.querySelector(".private")`)
	v.clicks("white_check_mark")
	v.reads("#thread-list", "The old key is dead")
	v.reads("#thread-list", "Failed application requests seen: 0 of")
	v.reads("#failed", "0")
	v.sees("the dead key in the console", `document.querySelectorAll("#keys .dead").length === 1`)
	v.finishes("U0BEN")

	v.photograph("thread")
	v.photograph("page-dark", scheme("dark"))
	v.photograph("narrow", scheme("light"), chromedp.EmulateViewport(1000, 800))
	v.photograph("phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)))
	v.photograph("phone-channel", chromedp.Click(chromedp.CSS(`.tabs [data-view="channel"]`)))
	v.photograph("phone-world", chromedp.Click(chromedp.CSS(`.tabs [data-view="world"]`)))
}
