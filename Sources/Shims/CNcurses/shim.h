#pragma once
// ncursesw with wide characters; what it offers as macros or variadic functions only is wrapped here.
#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/// newterm on standard output and input, with TERM's description.
static inline SCREEN *cncurses_open(void) { return newterm(0, stdout, stdin); }

/// Refreshes ncurses' own, blank screen.
static inline void cncurses_refresh(void) { wrefresh(stdscr); }

/// Whether the locale in force is UTF-8.
static inline int cncurses_is_utf8(void) { return strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

/// The cursor movement of the current terminal, or null where it has none. Valid until the next call.
static inline const char *cncurses_move(int row, int column) {
    const char *capability = tigetstr("cup");
    if (capability == 0 || capability == (const char *)-1) return 0;
    return tiparm(capability, row, column);
}

/// A string capability, or null where the terminal lacks it.
static inline const char *cncurses_capability(const char *name) {
    const char *capability = tigetstr(name);
    return capability == (const char *)-1 ? 0 : capability;
}

/// Columns and rows of the terminal behind a descriptor; returns 0, or -1 where it is none.
static inline int cncurses_size(int descriptor, int *columns, int *rows) {
    struct winsize size;
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return -1;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return 0;
}

/// Mouse presses of the first button and the wheel.
static inline mmask_t cncurses_mouse_mask(void) { return BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED; }
static inline int cncurses_is_wheel_up(mmask_t state) { return (state & BUTTON4_PRESSED) != 0; }
static inline int cncurses_is_wheel_down(mmask_t state) { return (state & BUTTON5_PRESSED) != 0; }
static inline int cncurses_is_press(mmask_t state) { return (state & (BUTTON1_PRESSED | BUTTON1_CLICKED)) != 0; }

/// Installs a handler for a signal, with SA_RESTART, and SA_RESETHAND where `once` is set.
static inline void cncurses_on_signal(int number, void (*handler)(int), int once) {
    struct sigaction action = {0};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART | (once ? SA_RESETHAND : 0) | SA_ONSTACK;
    sigaction(number, &action, 0);
}
