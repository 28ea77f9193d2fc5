print("obs")
