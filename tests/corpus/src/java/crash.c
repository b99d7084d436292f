/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jni.h>
#include <string.h>
__attribute__((noinline)) static int poke_at(long *at) { *at = 1; return 0; }
JNIEXPORT jint JNICALL Java_Crash_poke(JNIEnv *e, jclass c, jlong a) { (void)e, (void)c; return poke_at((long *)a); }
__attribute__((noinline)) static int dig_down(int n) { volatile char room[512]; memset((void *)room, n, sizeof(room)); return n ? dig_down(n - 1) + room[1] : 0; }
JNIEXPORT jint JNICALL Java_Crash_dig(JNIEnv *e, jclass c, jint n) { (void)e, (void)c; return dig_down(n); }
