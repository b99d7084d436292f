// SPDX-License-Identifier: LGPL-2.1-or-later
import java.lang.reflect.Field;

/** Java that crashes: by Unsafe in the JVM's own code, and in code of crash.c. */
public class Crash {
	static native int poke(long address);
	static native int dig(int depth);

	static void store(long address) throws Exception {
		Field f = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
		f.setAccessible(true);
		((sun.misc.Unsafe) f.get(null)).putAddress(address, 0);
	}

	public static void main(String[] arguments) throws Exception {
		if (arguments[0].equals("unsafe"))
			store(0);
		System.load(arguments[1]);
		if (arguments[0].equals("poke"))
			System.out.println(poke(0));
		Thread t = new Thread(null, () -> System.out.println(dig(1 << 30)), "digger", 1 << 20);
		t.start();
		t.join();
	}
}
