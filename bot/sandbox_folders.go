//go:build !release

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// folderPrefix begins the names of the folders that hold a sandbox's
// configuration and credential files; the process's number follows.
const folderPrefix = "rekey-sandbox-"

// sweepFolders removes what sandboxes left behind that were killed before they
// could tidy up. A folder whose process lives is left alone; one that cannot
// be removed is, too: it belongs to somebody else.
func sweepFolders(temp string) {
	found, _ := filepath.Glob(filepath.Join(temp, folderPrefix+"*-*")) // the pattern is fixed and well formed
	for _, folder := range found {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(folder), folderPrefix), "-")
		if pid, err := strconv.Atoi(number); err == nil && pid > 0 && gone(pid) {
			_ = os.RemoveAll(folder)
		}
	}
}

// gone reports that no process of that number exists.
func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
